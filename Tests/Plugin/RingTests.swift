import TestSupport
import Testing

/// Rings that overflow, batches larger than a ring, more threads than slots: nothing is lost silently.
@Suite struct RingTests {
    let place = DataPlace()

    /// Recorded is exactly what the host sent; every event of it is in the log or was counted as dropped.
    private func expectLedger(_ sent: [UInt64], causes: [String]) throws -> UInt64 {
        let metrics = try place.tool.exposition()
        let rows = try place.tool.rows()
        var all: UInt64 = 0
        for (index, kind) in eventKinds.enumerated() {
            let dropped = metrics.sum("qpc_plugin_events_dropped_total", "kind=\"\(kind)\"")
            #expect(try metrics.value("qpc_plugin_events_recorded_total{kind=\"\(kind)\"}") == sent[index])
            #expect(rows[index] + dropped == sent[index], "\(kind): \(rows[index]) in the log, \(dropped) dropped")
            all += dropped
        }
        let known = causes.reduce(0) { $0 + metrics.sum("qpc_plugin_events_dropped_total", "cause=\"\($1)\"") }
        #expect(known == all)
        try place.tool.verify()
        return all
    }

    @Test func whatDoesNotFitIsDroppedAndCountedToTheUnit() throws {
        let host = try place.server(["RING_SIZE": "64KiB"])
        var sent = [UInt64](repeating: 0, count: 6)
        var sealed: UInt64 = 0
        for round in 0..<3 {
            let tally = try host.tally("drive threads=3 calls=60000 seed=\(round)")
            for index in sent.indices { sent[index] += tally.events[index] }
            sealed += tally["sealed"]
        }
        try host.shutDown()
        #expect(try expectLedger(sent, causes: ["ring_full"]) > 0)
        // What is dropped is still counted in full.
        let metrics = try place.tool.exposition()
        #expect(metrics.sum("qpc_sealed_messages_total") == sealed)
        for (index, kind) in eventKinds.enumerated() where index != 1 {
            #expect(try metrics.value("qpc_hook_calls_total{hook=\"\(kind)\"}") == sent[index])
        }
    }

    @Test func dropsAreNotForgottenByAKill() throws {
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "1h"])
        let tally = try host.tally("drive threads=3 calls=60000 seed=1")
        host.kill()
        let dead = try place.tool.exposition()
        try place.tool.verify()
        let next = try place.server()
        try next.shutDown()
        #expect(try expectLedger(tally.events, causes: ["ring_full"]) > 0)
        #expect(try place.tool.exposition().lower(than: dead).isEmpty)
    }

    /// Messages of about 136 bytes; the ring has 65,536 bytes.
    private func stage(_ count: Int, from first: Int = 0) -> [String] {
        let key = String(repeating: "ab", count: 32)
        return (first..<first + count).map { "stage sender=\(key) recipient=\(key) channel=0102 bytes=9 seq=\($0)" }
    }

    @Test(arguments: [1, 2, 170, 180, 250, 320])
    func aBatchThatFitsTheRingIsInTheLogAsAWhole(count: Int) throws {
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "1h"])
        try host.ask(all: stage(count) + ["batch"])
        try host.shutDown()
        let events = try place.tool.events()
        #expect(events.compactMap { $0["seq"]?.number } == (0..<count).map { UInt64($0) })
        let batches = Set(events.compactMap { $0["batch"]?.number })
        #expect(batches.count == 1)
        #expect(events.allSatisfy { $0["batch_size"] == .number(UInt64(count)) })
        _ = try expectLedger([0, UInt64(count), 0, 0, 0, 0], causes: [])
    }

    @Test func aBatchLargerThanTheRingIsSplitAndCountedToTheUnit() throws {
        let host = try place.server(["RING_SIZE": "64KiB"])
        var sent: UInt64 = 0
        for count in [600, 2000, 5000] {
            try host.ask(all: stage(count, from: Int(sent)) + ["batch"])
            sent += UInt64(count)
        }
        try host.shutDown()
        #expect(try expectLedger([0, sent, 0, 0, 0, 0], causes: ["ring_full"]) > 0)
        let metrics = try place.tool.exposition()
        #expect(try metrics.value("qpc_batch_messages_sum") == sent)
        #expect(try metrics.value("qpc_batch_messages_count") == 3)
        // The messages of a batch that are in the log say how large the whole batch was.
        let events = try place.tool.events()
        let sizes = Set(events.compactMap { $0["batch_size"]?.number })
        let batches = Set(events.compactMap { $0["batch"]?.number })
        #expect(sizes.isSubset(of: [600, 2000, 5000]) && batches.count == sizes.count)
        let seqs = Set(events.compactMap { $0["seq"]?.number })
        #expect(seqs.count == events.count)
    }

    @Test func aLargeBatchKilledOnTheWayIsOneBatchAfterRecovery() throws {
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "1h"])
        try host.ask(all: stage(300) + ["batch"])
        host.kill()
        let next = try place.server()
        try next.shutDown()
        let events = try place.tool.events()
        #expect(events.count == 300)
        let batches = Set(events.compactMap { $0["batch"]?.number })
        #expect(batches.count == 1)
        try place.tool.verify()
    }

    @Test func anEmptyBatchIsACallWithoutMessages() throws {
        let host = try place.server()
        try host.ask("batch null")
        try host.ask("batch dangling")
        try host.ask("batch")
        try host.shutDown()
        let metrics = try place.tool.exposition()
        #expect(try metrics.value("qpc_hook_calls_total{hook=\"batch_enqueue\"}") == 3)
        #expect(try metrics.value("qpc_messages_total{path=\"batch\"}") == 0)
        #expect(try metrics.value("qpc_batch_messages_count") == 3)
        #expect(try place.tool.count() == 0)
        try place.tool.verify()
    }

    // MARK: Threads

    @Test func sixHundredThreadsAtOnce() throws {
        let host = try place.server(["RING_SIZE": "64KiB"])
        let tally = try host.tally("spawn-threads count=600 alive=1 calls=40")
        try host.shutDown()
        #expect(tally.events[4] == 24000)
        let dropped = try expectLedger(tally.events, causes: ["ring_full", "no_slot"])
        FaultFigures.record("600 threads at once", tries: 600, counted: dropped)
    }

    @Test func moreThreadsThanThereAreSlots() throws {
        let host = try place.server(["RING_SIZE": "64KiB"])
        let tally = try host.tally("spawn-threads count=1500 alive=1 calls=20")
        let again = try host.tally("spawn-threads count=200 alive=1 calls=20")
        try host.shutDown()
        let sent = zip(tally.events, again.events).map { $0 + $1 }
        #expect(try expectLedger(sent, causes: ["ring_full", "no_slot"]) > 0)
    }

    @Test func aDeadServersSixHundredRingsAreRecovered() throws {
        let host = try place.server(["RING_SIZE": "64KiB", "FLUSH_INTERVAL": "1h"])
        let tally = try host.tally("spawn-threads count=600 alive=1 calls=20")
        host.kill()
        try place.tool.verify()
        let next = try place.server()
        try next.shutDown()
        _ = try expectLedger(tally.events, causes: ["no_slot"])
    }

    @Test func slotsOfEndedThreadsAreTakenOver() throws {
        let host = try place.server(["RING_SIZE": "64KiB"])
        _ = try host.tally("spawn-threads count=50 alive=0 calls=3")
        let size = try #require(fileSize(place("live.qpcm")))
        let tally = try host.tally("spawn-threads count=4000 alive=0 calls=3")
        #expect(tally.events[4] == 12000)
        // If each thread had taken its own slot, it would be 280 MB larger.
        #expect(try #require(fileSize(place("live.qpcm"))) <= size + (8 << 16))
        try host.shutDown()
        _ = try expectLedger([0, 0, 0, 0, 12150, 0], causes: ["ring_full"])
        #expect(try place.tool.exposition().sum("qpc_plugin_events_dropped_total", "no_slot") == 0)
        FaultFigures.record("threads that come and go", tries: 4050)
    }

    @Test func aForkedChildDoesNothingAndHarmsNothing() throws {
        let host = try place.server()
        var fetches: UInt64 = 0
        #expect(try host.ask("fork") == "status=0 calls=6")
        try host.ask("drive threads=3 calls=1 seed=5 endless=1 pause_us=50")
        for _ in 0..<30 {
            try host.ask("fetch count=1")
            fetches += 1
            #expect(try host.ask("fork") == "status=0 calls=6")
        }
        var sent = try host.tally("stop").events
        sent[4] += fetches
        try host.shutDown()
        #expect(try expectLedger(sent, causes: []) == 0)
        #expect(try place.tool.count("--user", "forked") == 0)
        FaultFigures.record("fork in the host", tries: 31)
    }
}
