import EventLog
import Foundation
import MetricsModel
import MetricsQuery
import Pseudonyms
import Readings
import TestSupport
import Testing

@testable import EventDrain

/// Keys rotate, and an epoch's key is destroyed when its last row has left.
@Suite struct EpochTests {
    private let start: Int64 = 1_800_000_000_000_000
    private let day = EpochHistory.day

    @Test func aKeyIsRotatedWhenItIsOldEnoughAndWasUsed() throws {
        let history = try EpochHistory(rotationDays: 30)
        let made = try history.keyFile.newest
        #expect(made.number == 1 && abs(made.started - microsecondsNow()) < 60_000_000)
        let began = made.started
        history.look(at: began + 40 * day)
        #expect(try history.keyFile.epochs == [made], "nothing was written under it")
        try history.fetch([1], at: began + 40 * day)
        history.look(at: began + 30 * day - 1)
        #expect(try history.keyFile.epochs == [made])
        history.look(at: began + 41 * day)
        let two = try history.keyFile
        #expect(two.epochs.count == 2 && two.epochs[0] == made && two.newest.number == 2)
        #expect(two.newest.started == began + 41 * day && two.newest.key != made.key)
        try history.fetch([1], at: began + 42 * day)
        #expect(try history.writer.database.integer("SELECT count(*) FROM identity_name") == 2)
        #expect(try history.writer.database.integer("SELECT first_id FROM epoch WHERE epoch = 2") == 2)
    }

    @Test func aClockThatWasFarAheadDoesNotStopRotation() throws {
        let history = try EpochHistory(rotationDays: 30)
        let now = microsecondsNow()
        try history.fetch([1], at: now)
        history.look(at: now + 5000 * day)
        try history.fetch([1], at: now)
        history.look(at: now)
        #expect(try history.keyFile.epochs.map(\.number) == [1, 2, 3])
    }

    @Test func withoutRotationThereIsOneKey() throws {
        let history = try EpochHistory(rotationDays: nil)
        try history.fetch([1], at: start)
        history.look(at: start + 10_000 * day)
        #expect(try history.keyFile.epochs.count == 1)
    }

    /// Many rotations, people who come and go, rows that leave: after each day the gauge is what it would be without rotation.
    @Test func nobodyIsCountedTwiceAcrossRotations() throws {
        var random = SeededGenerator.announced("nobodyIsCountedTwiceAcrossRotations")
        let history = try EpochHistory(rotationDays: 7)
        let start = try history.keyFile.newest.started
        var lastSeen: [Int: Int64] = [:]
        for number in 0..<100 {
            let noon = start + Int64(number) * day + day / 2
            let people = (0..<300).filter { _ in random.next() % 5 == 0 }
            try history.fetch(people, at: noon)
            for person in people { lastSeen[person] = noon }
            try history.removeRows(before: noon - 40 * day)
            history.look(at: noon)
            if random.next() % 10 == 0 { try history.reopen(rotationDays: 7) }

            let now = noon + day / 24
            let active = try history.writer.activeUsers(nowMicroseconds: now)
            let counted = [active.0, active.1, active.2]
            let expected = [Int64(1), 7, 30].map { days in
                UInt64(lastSeen.values.count { $0 > now - days * day })
            }
            for (counted, expected) in zip(counted, expected) {
                #expect(abs(Double(counted) - Double(expected)) <= 0.02 * Double(expected), "day \(number)")
            }
            let log = try #require(try DataSource(directory: history.directory).log())
            #expect(try log.activeUsers(nowMicroseconds: now) == counted)
        }
        // 40 days of rows span 6 or 7 epochs.
        let left = try history.keyFile.epochs.map(\.number)
        #expect((6...8).contains(left.count), "\(left)")
    }

    @Test func aKeyGoesWithTheLastRowOfItsEpoch() throws {
        let history = try EpochHistory(rotationDays: 10)
        let start = try history.keyFile.newest.started
        for number in 0..<3 {
            try history.fetch([1, 2], at: start + Int64(number) * 11 * day)
            history.look(at: start + Int64(number + 1) * 11 * day - 1)
        }
        let before = try history.keyFile
        #expect(before.epochs.map(\.number) == [1, 2, 3, 4])
        try history.writer.database.execute("DELETE FROM fetch WHERE id = 1", operation: "remove from")
        history.look(at: start + 30 * day)
        #expect(try history.keyFile.epochs == before.epochs, "one row of epoch 1 is left")
        try history.removeRows(before: start + 5 * day)
        history.look(at: start + 30 * day)
        #expect(try history.keyFile.epochs.map(\.number) == [2, 3, 4])
        // The middle epoch, which only removing a person can empty.
        try history.writer.database.execute("DELETE FROM fetch WHERE id IN (5, 6)", operation: "remove from")
        history.upkeep.didRemove(history.writer)
        let after = try history.keyFile
        #expect(after.epochs == [before.epochs[1], before.epochs[3]])
        let gone = [before.epochs[0], before.epochs[2]].map { Attacker.Secret("key \($0.number)", bytes: $0.key) }
        #expect(try Attacker.finds(gone, in: history.directory).isEmpty)
        #expect(permissions(history.directory + "/identity.key") == 0o600)
        #expect(names(in: history.directory).filter { $0.hasPrefix("identity") } == ["identity.key"])
    }

    @Test func peopleAreFoundInEveryEpochWhoseKeyExists() throws {
        let history = try EpochHistory(rotationDays: 1)
        let start = try history.keyFile.newest.started
        for number in 0..<4 {
            try history.fetch([7, 8], at: start + Int64(number) * 2 * day)
            history.look(at: start + Int64(number) * 2 * day + day)
        }
        let subject = try #require(TermResolver(directory: history.directory).bytes(hex(EpochHistory.key(of: 7))))
        let log = try #require(try DataSource(directory: history.directory).log())
        var filter = EventFilter()
        filter.identity = subject
        #expect(try log.count(filter) == 4)
        try history.removeRows(before: start + 3 * day)
        history.look(at: start + 8 * day)
        #expect(try log.count(filter) == 2)
    }

    @Test func keysThatTheLogDoesNotKnowAreDestroyed() throws {
        let history = try EpochHistory(rotationDays: nil) { directory in
            for _ in 0..<3 {
                if names(in: directory).isEmpty {
                    _ = try IdentityKeys.make(directory: directory, epoch: 5, nowMicroseconds: 0)
                }
                _ = try IdentityKeys.rotate(directory: directory, atLeast: 0, nowMicroseconds: 0)
            }
        }
        #expect(try history.keyFile.epochs.map(\.number) == [5, 6, 7, 8])
        history.look(at: start)
        #expect(try history.keyFile.epochs.map(\.number) == [8])
    }

    @Test func aNewKeyIsOfAnEpochThatTheLogDoesNotKnow() throws {
        let history = try EpochHistory(rotationDays: 1)
        try history.fetch([1], at: start)
        let old = try read(history.directory + "/identity.key")
        history.look(at: start + 100 * day)
        try history.fetch([1], at: start)
        // An older key file is put back, as from a backup: what is written from now on does not belong to its epoch.
        try overwrite(history.directory + "/identity.key", with: old)
        try history.reopen(rotationDays: nil)
        #expect(try history.keyFile.epochs.map(\.number) == [1, 3])
        // The file is lost altogether, and with it the key of epoch 3, under which nothing had been written yet.
        unlink(history.directory + "/identity.key")
        try history.reopen(rotationDays: nil)
        #expect(try history.keyFile.epochs.map(\.number) == [4])
        try history.fetch([1], at: start)
        unlink(history.directory + "/identity.key")
        try history.reopen(rotationDays: nil)
        #expect(try history.keyFile.epochs.map(\.number) == [5])
    }

    @Test("A log that goes on without pseudonyms lets the keys go", arguments: [IdentityMode.none, .plain])
    func otherMode(mode: IdentityMode) throws {
        let history = try EpochHistory(rotationDays: 1)
        try history.fetch([1], at: start)
        try history.reopen(identities: mode, rotationDays: 1)
        try history.fetch([1], at: start + day)
        history.look(at: start + 100 * day)
        #expect(try history.keyFile.epochs.map(\.number) == [1])
        try history.removeRows(before: start + day)
        history.look(at: start + 100 * day)
        #expect(!names(in: history.directory).contains("identity.key"))
        try history.reopen(rotationDays: 1)
        #expect(try history.keyFile.epochs.map(\.number) == [3])
    }

    @Test func aFullFileOfKeysIsNotRotated() throws {
        let history = try EpochHistory(rotationDays: 1)
        let start = try history.keyFile.newest.started
        for number in 0..<300 {
            try history.fetch([1], at: start + Int64(number) * day)
            history.upkeep.run(
                history.writer, nowMicroseconds: start + Int64(number + 2) * day, monotonicNanoseconds: 1)
        }
        #expect(try history.keyFile.epochs.count == 256)
        try history.removeRows(before: start + 10 * day)
        history.look(at: start + 400 * day)
        #expect(try history.keyFile.epochs.count == 247)
    }

    @Test func aFailureStopsNothingAndIsTriedAgain() throws {
        let history = try EpochHistory(rotationDays: 1)
        let start = try history.keyFile.newest.started
        try history.fetch([1], at: start)
        // This is in the way of the new file, even for root.
        mkdir(history.directory + "/identity.key.new", 0o700)
        history.look(at: start + 2 * day)
        #expect(try history.keyFile.epochs.count == 1)
        try history.fetch([1], at: start + 2 * day)
        rmdir(history.directory + "/identity.key.new")
        history.look(at: start + 3 * day)
        #expect(try history.keyFile.epochs.count == 2)
    }
}
