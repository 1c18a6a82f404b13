import Foundation
import TestSupport
import Testing

/// Every field of every event comes back as it was sent.
@Suite struct KnownEventsTests {
    let place = DataPlace()

    /// Sends events from one thread; returns what the host recorded and what the log has.
    private func send(_ seed: UInt64, count: Int, mode: String) throws -> (sent: [LoggedEvent], logged: [LoggedEvent]) {
        let notes = place.temporary("sent-\(seed)")
        let last = (try? place.tool.events("-n", "1"))?.last?.id ?? 0
        let host = try place.server(["IDENTITIES": mode])
        let before = microsecondsNow()
        _ = try host.tally("send-known seed=\(seed) count=\(count) out=\(ServerHost.encoded(notes))")
        let after = microsecondsNow()
        try host.ask("shutdown")
        // Durable and complete as soon as on_shutdown has returned, though the server still runs.
        let logged = try place.tool.events("--after", "\(last)")
        try host.ask("destroy")
        try host.exit()
        let sent = try NDJSON.decode(read(notes))
        #expect(sent.count == count && logged.count == count)

        var previous = (id: last, moment: before)
        for event in logged {
            #expect(event.id > previous.id, "ids rise")
            #expect(event.moment >= previous.moment && event.moment <= after, "\(event["time"] as Any)")
            previous = (event.id, event.moment)
        }
        expectBatches(logged)
        return (sent, logged)
    }

    /// The messages of one call share an id that belongs to that call, and there are as many as they say.
    private func expectBatches(_ events: [LoggedEvent]) {
        var sizes: [UInt64: [UInt64]] = [:]
        for event in events {
            #expect((event["batch"] != nil) == (event.kind == "batch_enqueue"))
            if let batch = event["batch"]?.number { sizes[batch, default: []].append(event["batch_size"]?.number ?? 0) }
        }
        for (batch, stated) in sizes {
            #expect(stated.allSatisfy { $0 == UInt64(stated.count) }, "batch \(batch) has \(stated.count), says \(stated)")
        }
    }

    @Test("Plain events are logged as they came", arguments: [1, 2, 7, 4242] as [UInt64])
    func plain(seed: UInt64) throws {
        let (sent, logged) = try send(seed, count: 2500, mode: "plain")
        #expect(zip(sent, logged).allSatisfy { $0 == $1.asSent })
        if let (expected, found) = zip(sent, logged).first(where: { $0 != $1.asSent }) {
            Issue.record("sent \(expected)\nlogged \(found)")
        }
        #expect(Set(sent.map(\.kind)) == Set(eventKinds))
        try place.tool.verify()
    }

    @Test("A pseudonym is the first 16 bytes of HMAC-SHA-256 under the directory's key", arguments: [3, 9] as [UInt64])
    func pseudonym(seed: UInt64) throws {
        let (sent, logged) = try send(seed, count: 2500, mode: "pseudonym")
        let names = Pseudonyms(try KeyFile(place("identity.key")).newest.key)
        let expected = try names.applied(to: sent)
        #expect(zip(expected, logged).allSatisfy { $0 == $1.asSent })
        if let (expected, found) = zip(expected, logged).first(where: { $0 != $1.asSent }) {
            Issue.record("wanted \(expected)\nlogged \(found)")
        }
        try expectNoIdentity(of: sent)
    }

    @Test func theSamePersonIsTheSamePseudonymAfterARestart() throws {
        let (sent, _) = try send(5, count: 300, mode: "pseudonym")
        let (again, logged) = try send(5, count: 300, mode: "pseudonym")
        #expect(sent.count == again.count)
        let expected = try Pseudonyms(try KeyFile(place("identity.key")).newest.key).applied(to: again)
        #expect(zip(expected, logged).allSatisfy { $0 == $1.asSent })
    }

    @Test func noneKeepsCountsAndSizesOnly() throws {
        let (sent, logged) = try send(11, count: 2500, mode: "none")
        for (sent, logged) in zip(sent, logged) {
            var expected = sent.filter { !identityFields.contains($0.key) }
            if let reason = sent["reason"]?.text {
                expected["reason"] = .text(Pseudonyms.withoutName(reason, user: sent["user"]?.text))
            }
            #expect(expected == logged.asSent)
        }
        try expectNoIdentity(of: sent)
        #expect(!FileManager.default.fileExists(atPath: place("identity.key")))
    }

    /// After a clean end, no file in the directory holds a user's name or a key.
    private func expectNoIdentity(of sent: [LoggedEvent]) throws {
        // One of the host's reasons names a person who need not be the one who logs in.
        let reasons = Set(sent.compactMap { $0["reason"]?.text }).joined()
        let users = Set(sent.compactMap { $0["user"]?.text }.filter { $0.utf8.count >= 6 && !reasons.contains($0) })
            .map { Array($0.utf8) }
        let keys = Set(sent.prefix(200).compactMap { $0["recipient"]?.text }).compactMap(bytes(hexadecimal:))
        try #require(!users.isEmpty && !keys.isEmpty)
        for name in names(in: place.path) {
            let content = Data(try read(place(name)))
            for secret in users + keys where content.range(of: Data(secret)) != nil {
                Issue.record("\(name) holds \(String(decoding: secret, as: UTF8.self))")
            }
        }
    }

    @Test func aTimeIsThatOfTheCall() throws {
        let host = try place.server(["IDENTITIES": "plain"])
        var bounds: [(before: Int64, after: Int64)] = []
        for number in 0..<200 {
            let before = microsecondsNow()
            try host.ask("fetch recipient=00 count=\(number)")
            bounds.append((before, microsecondsNow()))
        }
        try host.shutDown()
        let events = try place.tool.events()
        #expect(events.count == bounds.count)
        for (event, bounds) in zip(events, bounds) {
            #expect(event.moment >= bounds.before && event.moment <= bounds.after, "\(event) \(bounds)")
        }
        // Not all the same, as they would be if the clock were read once per flush.
        #expect(Set(events.map(\.moment)).count > 100)
    }

    @Test func anEmptyOrDanglingFieldIsLeftOut() throws {
        let host = try place.server(["IDENTITIES": "plain"])
        try host.ask("message sender=dangling recipient=- channel=text: bytes=7 seq=max")
        try host.ask("auth user=dangling ok=0 reason=-")
        try host.ask("channel new=0")
        try host.ask("fetch recipient=dangling channel=dangling")
        try host.ask("register")
        try host.shutDown()
        let events = try place.tool.events().map(\.asSent)
        #expect(
            events == [
                ["kind": .text("message_enqueue"), "bytes": .number(7), "seq": .number(.max)],
                ["kind": .text("auth"), "ok": .flag(false)],
                ["kind": .text("channel_created"), "new": .flag(false)],
                ["kind": .text("fetch"), "count": .number(0)],
                ["kind": .text("user_registered")],
            ])
    }

    @Test func theStatedLengthCountsAndNotATerminator() throws {
        let host = try place.server(["IDENTITIES": "plain"])
        // Each value ends where an unreadable page begins.
        try host.ask("auth user=\(hex(Array("alicebob".utf8)))@5 ok=0 reason=\(hex(Array("locked out".utf8)))@6")
        try host.ask("fetch recipient=00010203@2 channel=ff@1 count=1")
        try host.shutDown()
        let events = try place.tool.events().map(\.asSent)
        #expect(events[0] == ["kind": .text("auth"), "user": .text("alice"), "ok": .flag(false), "reason": .text("locked")])
        #expect(events[1]["recipient"] == .text("0001") && events[1]["channel"] == .text("ff"))
    }
}
