import CMetricsLayout
import Foundation
import MetricsModel
import TestSupport
import Testing

@testable import MetricsMemory

/// A slot in ordinary memory, laid out as in `live.qpcm`.
private final class Slot {
    let base: UnsafeMutableRawPointer
    let ringBytes: UInt64

    init(ringBytes: Int) {
        self.ringBytes = UInt64(ringBytes)
        base = .allocate(byteCount: QPCM_SLOT_RING + ringBytes, alignment: 64)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: QPCM_SLOT_RING + ringBytes)
        base.storeBytes(of: UInt64(ringBytes) - 1, toByteOffset: QPCM_SLOT_MASK, as: UInt64.self)
    }

    deinit { base.deallocate() }

    var recorder: Recorder { Recorder(slot: base) }
    func consumer() -> RingConsumer {
        RingConsumer(slot: base, ringBytes: ringBytes, position: RingConsumer.head(of: base))
    }
    var ring: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + QPCM_SLOT_RING, count: Int(ringBytes))
    }
}

@Suite struct RingTests {
    /// Writes one login; false if the ring is full.
    private func put(_ recorder: Recorder, user: [UInt8], reason: [UInt8], ticks: UInt64) -> Bool {
        user.withUnsafeBufferPointer { user in
            reason.withUnsafeBufferPointer { reason in
                recorder.record(
                    Record(
                        .auth, ticks: ticks, .text(user.baseAddress, user.count), .text(reason.baseAddress, reason.count),
                        yes: true, failure: .locked))
            }
        }
    }

    @Test func everyRecordComesOutAsItWentInHoweverTheRingWraps() {
        let seed: UInt64 = 42
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let slot = Slot(ringBytes: 8192)
        var consumer = slot.consumer()
        var waiting: [(user: [UInt8], reason: [UInt8], ticks: UInt64)] = []
        var event = Event()
        var taken = 0
        for ticks in 0..<20_000 as Range<UInt64> {
            let user = random.bytes(Int(random.next() % 257))
            let reason = random.bytes(Int(random.next() % 257))
            if put(slot.recorder, user: user, reason: reason, ticks: ticks) {
                waiting.append((user, reason, ticks))
            } else {
                #expect(slot.ringBytes - (RingConsumer.tail(of: slot.base) - RingConsumer.head(of: slot.base)) < 1152)
            }
            guard random.next() % 7 == 0 else { continue }
            consumer.look()
            while case .record(let record) = consumer.next() {
                let kind = record.eventKind
                #expect(kind == .auth)
                record.fill(&event, kind: kind!)
                let expected = waiting.removeFirst()
                #expect(Array(event.field0) == expected.user)
                #expect(Array(event.field1) == expected.reason)
                #expect(record.ticks == expected.ticks)
                #expect(event.yes && event.failure == .locked)
                consumer.take(record)
                taken += 1
            }
            consumer.release()
        }
        #expect(taken > 15_000)
    }

    @Test func recordsAreNumberedAsTheHeaderNumbersThem() {
        let kinds = [
            QPCM_RECORD_MESSAGE, QPCM_RECORD_BATCH_MESSAGE, QPCM_RECORD_AUTH, QPCM_RECORD_CHANNEL, QPCM_RECORD_FETCH,
            QPCM_RECORD_REGISTERED,
        ]
        let slot = Slot(ringBytes: 4096)
        for kind in EventKind.allCases { #expect(slot.recorder.record(Record(kind, ticks: 1, .absent, .absent))) }
        var consumer = slot.consumer()
        consumer.look()
        for (kind, number) in zip(EventKind.allCases, kinds) {
            guard case .record(let record)? = consumer.next() else { break }
            #expect(Int(record.kind) == number && record.eventKind == kind)
            consumer.take(record)
        }
        #expect(consumer.isEmpty)
    }

    @Test func whatWasReleasedIsWiped() {
        let slot = Slot(ringBytes: 4096)
        var consumer = slot.consumer()
        for lap in 0..<100 as Range<UInt64> {
            #expect(put(slot.recorder, user: Array(repeating: 0xAA, count: 200), reason: [], ticks: lap))
            consumer.look()
            while case .record(let record) = consumer.next() { consumer.take(record) }
            consumer.release()
            #expect(slot.ring.allSatisfy { $0 == 0 })
        }
    }

    @Test func aFullRingRefusesAndLosesNothing() {
        let slot = Slot(ringBytes: 4096)
        var written = 0
        while put(slot.recorder, user: [1], reason: [2], ticks: 7) { written += 1 }
        #expect(slot.recorder.ringed.value(CounterIndex.events(.auth)) == UInt64(written))
        #expect(slot.recorder.direct.value(CounterIndex.dropped(.auth, .ringFull)) == 1)
        var consumer = slot.consumer()
        consumer.look()
        var read = 0
        while case .record(let record) = consumer.next() {
            consumer.take(record)
            read += 1
        }
        #expect(read == written && written > 40)
    }

    @Test func anythingThatIsNoRecordIsNotTakenForOne() {
        let seed: UInt64 = 7
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<3000 {
            let slot = Slot(ringBytes: 4096)
            for index in 0..<8 as Range<UInt64> {
                _ = put(slot.recorder, user: random.bytes(20), reason: random.bytes(30), ticks: index)
            }
            // One bit flips somewhere among the records.
            let at = Int(random.next() % (8 * 128))
            let address = slot.base + QPCM_SLOT_RING + at
            address.storeBytes(of: address.load(as: UInt8.self) ^ 1 << UInt8(random.next() % 8), as: UInt8.self)
            var consumer = slot.consumer()
            consumer.look()
            var event = Event()
            var read = 0
            loop: while let item = consumer.next() {
                switch item {
                case .damaged: consumer.skipToEnd()
                case .record(let record):
                    // Whatever it claims, it stays inside the ring.
                    if let kind = record.eventKind {
                        record.fill(&event, kind: kind)
                        let length = event.field0.count + event.field1.count + event.field2.count
                        #expect(length + 48 <= record.bytes)
                    }
                    consumer.take(record)
                    read += 1
                }
            }
            #expect(read <= 8 && consumer.isEmpty)
        }
    }

    @Test func fieldsThatCannotBeAreLeftOutUnread() {
        let nowhere = UnsafePointer<UInt8>(bitPattern: 1)
        #expect(RecordField.key(nowhere, 0).count == 0 && !RecordField.key(nowhere, 0).repaired)
        #expect(RecordField.key(nil, 32).count == 0 && RecordField.key(nil, 32).repaired)
        #expect(RecordField.key(nowhere, Int.min).count == 0 && RecordField.key(nowhere, Int.min).repaired)
        #expect(RecordField.key(nowhere, Int.max).count == 0)
        #expect(RecordField.text(nowhere, (1 << 20) + 1).count == 0)
        let long = [UInt8](repeating: 7, count: 5000)
        long.withUnsafeBufferPointer { bytes in
            #expect(RecordField.text(bytes.baseAddress, 5000).count == 256)
            #expect(RecordField.text(bytes.baseAddress, 5000).repaired)
            #expect(RecordField.key(bytes.baseAddress, 65).count == 64)
            #expect(RecordField.key(bytes.baseAddress, 5000).count == 0)
            #expect(!RecordField.text(bytes.baseAddress, 256).repaired)
        }
    }
}
