import Foundation
import Pseudonyms
import TestSupport
import Testing

/// `identity.key`: what it holds, and what a process that dies leaves of it.
@Suite struct IdentityKeysTests {
    private let place = TemporaryDirectory()
    private var path: String { place("identity.key") }

    private func file() throws -> TestSupport.KeyFile { try TestSupport.KeyFile(path) }

    private func expectAlone() {
        #expect(names(in: place.path) == ["identity.key"])
        #expect(permissions(path) == 0o600)
    }

    @Test("Whatever the umask, only the owner may read it", arguments: [0o022, 0o077] as [mode_t])
    func modes(mask: mode_t) throws {
        // The umask is the whole process's, and other tests run at the same time: neither value widens or locks what they make.
        let before = umask(mask)
        defer { umask(before) }
        _ = try IdentityKeys.make(directory: place.path, epoch: 1, nowMicroseconds: 5)
        expectAlone()
        _ = try IdentityKeys.rotate(directory: place.path, atLeast: 7, nowMicroseconds: 6)
        _ = try IdentityKeys.rotate(directory: place.path, atLeast: 3, nowMicroseconds: 7)
        expectAlone()
        #expect(try file().epochs.map(\.number) == [1, 7, 8])
        #expect(try file().epochs.map(\.started) == [5, 6, 7])
        #expect(try IdentityKeys.destroy([1, 8], directory: place.path)?.newest.number == 7)
        expectAlone()
        #expect(try IdentityKeys.destroy([7], directory: place.path)?.newest.number == nil)
        #expect(names(in: place.path).isEmpty)
    }

    @Test func theKeysAreRandomAndStayAsTheyAre() throws {
        _ = try IdentityKeys.make(directory: place.path, epoch: 1, nowMicroseconds: 5)
        let first = try file().newest.key
        for _ in 0..<9 { _ = try IdentityKeys.rotate(directory: place.path, atLeast: 0, nowMicroseconds: 5) }
        let all = try file().epochs
        #expect(Set(all.map(\.key)).count == 10 && all[0].key == first)
        let loaded = try IdentityKeys.load(directory: place.path)
        // HMAC-SHA-256 as OpenSSL computes it.
        let digest = try shell(
            "printf alice | openssl dgst -sha256 -mac HMAC -macopt hexkey:\(hex(all[3].key)) | sed 's/.*= //'")
        #expect(digest.text.hasPrefix(hex(loaded.epochs[3].key?.pseudonym(of: Array("alice".utf8)) ?? [])))
    }

    @Test func aFileOf32BytesIsOneEpoch() throws {
        let key = (0..<32).map { UInt8($0) }
        try overwrite(path, with: key)
        chmod(path, 0o600)
        let loaded = try IdentityKeys.load(directory: place.path)
        #expect(loaded.epochs.map(\.number) == [1])
        #expect(abs(loaded.newest.startedMicroseconds - microsecondsNow()) < 60_000_000)
        _ = try IdentityKeys.rotate(directory: place.path, atLeast: 0, nowMicroseconds: 9)
        #expect(try file().epochs.map(\.number) == [1, 2])
        let first = try file().epochs[0]
        #expect(first.key == key && first.started == loaded.newest.startedMicroseconds)
    }

    @Test func whatIsNoFileOfKeysIsRefused() throws {
        _ = try IdentityKeys.make(directory: place.path, epoch: 1, nowMicroseconds: 5)
        _ = try IdentityKeys.rotate(directory: place.path, atLeast: 0, nowMicroseconds: 5)
        let whole = try read(path)
        for index in whole.indices where !(8..<12).contains(index) {
            var damaged = whole
            damaged[index] ^= 0x10
            try overwrite(path, with: damaged)
            #expect(throws: IdentityKeyError.self, "byte \(index)") { _ = try IdentityKeys.load(directory: place.path) }
        }
        for count in 0..<whole.count where count != 32 {
            try overwrite(path, with: Array(whole[..<count]))
            #expect(throws: IdentityKeyError.self, "\(count) bytes") { _ = try IdentityKeys.load(directory: place.path) }
        }
    }

    @Test func aDamagedFormatNumberIsPutBack() throws {
        _ = try IdentityKeys.make(directory: place.path, epoch: 1, nowMicroseconds: 5)
        _ = try IdentityKeys.rotate(directory: place.path, atLeast: 0, nowMicroseconds: 6)
        let whole = try read(path)
        for bit in 0..<32 {
            var damaged = whole
            damaged[8 + bit / 8] ^= 1 << UInt8(bit % 8)
            try overwrite(path, with: damaged)
            try IdentityKeys.expectKnown(directory: place.path)
            let keys = try IdentityKeys.load(directory: place.path)
            #expect(keys.hasDamagedNumber && keys.epochs.map(\.number) == [1, 2], "bit \(bit)")
            #expect(try IdentityKeys.repairNumber(directory: place.path))
            #expect(try read(path) == whole, "bit \(bit)")
            #expect(try !IdentityKeys.repairNumber(directory: place.path))
        }
        expectAlone()
        #expect(try !IdentityKeys.load(directory: place.path).hasDamagedNumber)
    }

    @Test func aDamagedFormatNumberOfSealedKeysIsPutBack() throws {
        let secret = try OperatorSecret.make()
        _ = try IdentityKeys.make(directory: place.path, epoch: 1, nowMicroseconds: 5, sealedTo: secret.publicKey)
        let whole = try read(path)
        for bit in 0..<32 {
            var damaged = whole
            damaged[8 + bit / 8] ^= 1 << UInt8(bit % 8)
            try overwrite(path, with: damaged)
            try IdentityKeys.expectKnown(directory: place.path)
            let keys = try IdentityKeys.load(directory: place.path, opening: secret)
            #expect(keys.hasDamagedNumber && keys.newest.key != nil, "bit \(bit)")
            #expect(try IdentityKeys.repairNumber(directory: place.path))
            #expect(try read(path) == whole, "bit \(bit)")
        }
    }

    /// What is newer names a version that is; two damaged fields do not look like that.
    @Test(
        "A newer format of keys names a newer version of the product",
        arguments: [("9.8.7-rc.1", true), ("99999.99999.9999", true), ("0.0.1", false), ("", false), ("9.8.7\u{0}x", false)])
    func newer(needs: String, isNewer: Bool) throws {
        _ = try IdentityKeys.make(directory: place.path, epoch: 1, nowMicroseconds: 5)
        var content = try read(path)
        content[8] = 3
        content.replaceSubrange(16..<32, with: Array(needs.utf8) + [UInt8](repeating: 0, count: 16 - needs.utf8.count))
        try overwrite(path, with: content)
        func refusal(_ body: () throws(IdentityKeyError) -> Void) -> String? {
            do { try body() } catch { return error.message }
            return nil
        }
        let loading = try #require(refusal { () throws(IdentityKeyError) in _ = try IdentityKeys.load(directory: place.path) })
        let looking = refusal { () throws(IdentityKeyError) in try IdentityKeys.expectKnown(directory: place.path) }
        if isNewer {
            #expect(loading.hasSuffix("install qpc-metrics \(needs) or later") && looking == loading)
        } else {
            #expect(loading.hasSuffix("is not a file of keys") && looking == nil, "\(loading)")
        }
    }

    @Test func aLinkIsNotFollowed() throws {
        let other = place("other")
        mkdir(other, 0o700)
        _ = try IdentityKeys.make(directory: other, epoch: 1, nowMicroseconds: 5)
        let mine = try read(other + "/identity.key")
        symlink("other/identity.key", path)
        #expect(throws: IdentityKeyError.self) { _ = try IdentityKeys.load(directory: place.path) }
        unlink(path)
        // Names that the next replacement uses and clears.
        _ = try IdentityKeys.make(directory: place.path, epoch: 1, nowMicroseconds: 5)
        for name in ["identity.key.new", "identity.key.old"] {
            symlink("other/identity.key", place(name))
            _ = try IdentityKeys.rotate(directory: place.path, atLeast: 0, nowMicroseconds: 5)
            symlink("other/identity.key", place(name))
            IdentityKeys.tidy(directory: place.path)
            // A hard link to somebody else's file.
            link(other + "/identity.key", place(name))
            IdentityKeys.tidy(directory: place.path)
        }
        #expect(try read(other + "/identity.key") == mine)
        #expect(names(in: place.path) == ["identity.key", "other"])
    }

    @Test func whatAProcessThatDiedLeftIsCleared() throws {
        _ = try IdentityKeys.make(directory: place.path, epoch: 1, nowMicroseconds: 5)
        let whole = try read(path)
        // The process died before the new file got its name: the old one has two names.
        link(path, place("identity.key.old"))
        try overwrite(place("identity.key.new"), with: whole)
        chmod(path, 0o644)
        IdentityKeys.tidy(directory: place.path)
        expectAlone()
        #expect(try read(path) == whole)
        // It died after the rename but before the old file was overwritten. An open descriptor shows what becomes of its bytes.
        try overwrite(place("identity.key.old"), with: whole)
        let descriptor = open(place("identity.key.old"), O_RDONLY)
        defer { close(descriptor) }
        IdentityKeys.tidy(directory: place.path)
        expectAlone()
        var left = [UInt8](repeating: 1, count: 200)
        let count = Glibc.read(descriptor, &left, 200)
        #expect(count == whole.count && left[..<count].allSatisfy { $0 == 0 })
    }

    @Test func aReplacedFileIsOverwrittenWithZeros() throws {
        _ = try IdentityKeys.make(directory: place.path, epoch: 1, nowMicroseconds: 5)
        for change in 0..<3 {
            let descriptor = open(path, O_RDONLY)
            defer { close(descriptor) }
            switch change {
            case 0: _ = try IdentityKeys.rotate(directory: place.path, atLeast: 0, nowMicroseconds: 5)
            case 1: _ = try IdentityKeys.destroy([1], directory: place.path)
            default: _ = try IdentityKeys.destroy([2], directory: place.path)
            }
            var left = [UInt8](repeating: 1, count: 500)
            let count = Glibc.read(descriptor, &left, 500)
            #expect(count > 0 && left[..<count].allSatisfy { $0 == 0 }, "change \(change)")
        }
    }
}
