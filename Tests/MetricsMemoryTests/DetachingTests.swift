import CMetricsLayout
import Foundation
import MetricsModel
import TestSupport
import Testing

@testable import MetricsMemory

/// The live file's memory after its file system has died: off the file, with everything that was stored in it.
@Suite struct DetachingTests {
    private let place = TemporaryDirectory()

    private func live(slots: Int) throws -> LiveFile {
        try LiveFile(
            directory: place.path,
            options: .init(
                settings: Settings(identities: .none, ringBytes: 65536, flushIntervalNanoseconds: 1), initialSlots: slots,
                clock: UInt64(QPCM_CLOCK_REALTIME), session: (1, 2)),
            ringed: [UInt64](repeating: 3, count: CounterIndex.words),
            direct: [UInt64](repeating: 5, count: CounterIndex.words))
    }

    @Test func everythingThatWasStoredIsKept() throws {
        let live = try live(slots: 3)
        let rings = (0..<3).map { live.map.slot($0) + Int(QPCM_SLOT_RING) }
        for (slot, ring) in rings.enumerated() {
            for at in stride(from: 0, to: 65536, by: 8) {
                ring.storeBytes(of: UInt64(slot << 32 | at), toByteOffset: at, as: UInt64.self)
            }
        }
        let before = try Data(contentsOf: URL(filePath: place("live.qpcm")))
        #expect(live.detach())
        #expect(live.isDetached)
        #expect(live.map.slotsReady == 3)
        #expect(live.map.totals(.ringed)[0] == 3)
        for (slot, ring) in rings.enumerated() {
            let different = stride(from: 0, to: 65536, by: 8).filter {
                ring.load(fromByteOffset: $0, as: UInt64.self) != UInt64(slot << 32 | $0)
            }
            #expect(different.isEmpty, "slot \(slot)")
            for at in stride(from: 0, to: 65536, by: 4096) { ring.storeBytes(of: 7, toByteOffset: at, as: UInt64.self) }
        }
        #expect(try Data(contentsOf: URL(filePath: place("live.qpcm"))) == before, "later stores stay out of the file")
    }

    @Test func slotsAreMadeOfMemoryUpToTheLimit() throws {
        let live = try live(slots: 1)
        #expect(live.detach())
        // The file ends after its first slot: a touch of a page that still belonged to it would end the process.
        var made: [UnsafeMutableRawPointer] = []
        while let slot = live.makeSlot(owned: true) {
            let end = slot + live.map.slotStride - 8
            #expect(end.load(as: UInt64.self) == 0)
            end.storeBytes(of: UInt64(made.count) + 1, as: UInt64.self)
            made.append(slot)
        }
        #expect(made.count == Int(QPCM_SLOT_LIMIT) - 1)
        #expect(live.map.slotsReady == Int(QPCM_SLOT_LIMIT))
        for (index, slot) in made.enumerated() {
            #expect((slot + live.map.slotStride - 8).load(as: UInt64.self) == UInt64(index) + 1)
            #expect(!live.map.isAbsent(index + 1))
        }
    }

    /// The addresses from which the memory was moved are free for the rest of the server.
    @Test func whatTheServerMapsThereAfterwardsIsNotUnmapped() throws {
        let page = 65536
        let descriptor = open(place("file"), O_RDWR | O_CREAT, 0o600)
        try #require(ftruncate(descriptor, page) == 0)
        var others: UnsafeMutableRawPointer?
        do {
            let file = try MappedFile(owning: descriptor, path: place("file"), reservedBytes: 4 * page, writable: true)
            let (place, isDetached) = (file.aside, file.detach(bytes: page))
            let aside = try #require(place)
            #expect(isDetached)
            let fixed: Int32 = 0x100000  // MAP_FIXED_NOREPLACE
            others = mmap(aside, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0)
            #expect(others == aside)
        }
        #expect(msync(try #require(others), page, MS_ASYNC) == 0, "it is still mapped")
        munmap(others, page)
    }
}
