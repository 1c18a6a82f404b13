import MetricsModel
import Testing

@testable import Doctor

/// File systems and amounts of space that a test machine does not have.
@Suite struct StorageTests {
    private func check(
        _ name: String, kind: UInt64 = 0xEF53, free: UInt64 = 100 << 30, inodes: UInt64 = 1_000_000, freeInodes: UInt64 = 500_000,
        log: UInt64 = 0, settings: Settings? = Settings()
    ) throws -> Check {
        let storage = StorageCheck(
            kind: kind, freeBytes: free, inodes: inodes, freeInodes: freeInodes, logBytes: log, settings: settings,
            directory: "/data")
        #expect(storage.checks.allSatisfy { ($0.result == .ok) == ($0.remedy == nil) })
        return try #require(storage.checks.first { $0.name == name })
    }

    @Test(
        "Each kind of file system has its verdict",
        arguments: [
            (0xEF53, "ext4", Check.Result.ok), (0x5846_5342, "xfs", .ok), (0x6969, "nfs", .failure),
            (0xFF53_4D42, "cifs", .failure),
            (0xFE53_4D42, "smb2", .failure), (0x0102_1997, "9p", .failure), (0x00C3_6400, "ceph", .failure),
            (0x0102_1994, "tmpfs", .warning), (0x794C_7630, "overlay", .warning), (0x6573_5546, "fuse", .warning),
            (0x1234, "0x1234", .warning),
        ] as [(UInt64, String, Check.Result)])
    func kinds(kind: UInt64, name: String, result: Check.Result) throws {
        let found = try check("file system", kind: kind)
        #expect(found.result == result && found.found.contains(name), "\(found)")
    }

    @Test func roomIsMeasuredAgainstTheLogsCap() throws {
        #expect(try check("disk space").result == .ok)
        #expect(try check("disk space", free: 4 << 30).result == .warning)
        // Space that the log already uses is not needed again.
        #expect(try check("disk space", free: 4 << 30, log: 3 << 30).result == .ok)
        #expect(try check("disk space", free: 100 << 20, log: 4 << 30).result == .failure)
        #expect(try check("disk space", free: 1 << 40, settings: Settings(maxLogBytes: nil)).result == .warning)
        #expect(try check("disk space", settings: nil).result == .ok)
        #expect(try check("disk space", settings: Settings(maxLogBytes: UInt64(Int64.max))).result == .warning)
    }

    @Test func inodesRunOutToo() throws {
        #expect(try check("inodes").result == .ok)
        #expect(try check("inodes", inodes: 0, freeInodes: 0).result == .ok)
        #expect(try check("inodes", freeInodes: 999).result == .warning)
        #expect(try check("inodes", freeInodes: 15).result == .failure)
    }
}
