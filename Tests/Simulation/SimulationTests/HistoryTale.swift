import CFaultVFS
import EventLog
import Foundation
import MetricsModel
import MetricsQuery
import TestSupport

/// One history from its beginning to its end. The seed tells all of it.
struct HistoryTale {
    let seed: UInt64
    private let history: History
    private let place: String
    private var isQuiet: Bool { history.isQuiet }
    private var highest = [UInt64](repeating: 0, count: CounterIndex.words)

    /// - Parameter place: a directory of its own, for files that may be gone afterwards.
    static func tell(seed: UInt64, in place: String) throws -> HistoryCounts {
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { Self.remove(place) }
        var tale = try HistoryTale(seed: seed, place: place)
        return try tale.tell()
    }

    private static func remove(_ place: String) {
        fault_vfs_forget(place)
        TemporaryDirectory.remove(place)
    }

    private init(seed: UInt64, place: String) throws {
        self.seed = seed
        self.place = place
        history = try History(place: place, seed: seed)
    }

    private mutating func tell() throws -> HistoryCounts {
        let failures = fault_vfs_failures()
        for _ in 0..<12 {
            try live()
            if !isQuiet {
                if history.chance(3) { try history.suffer() }
                if history.chance(3) { try history.work(underFaults: history.chance(2)) }
                if history.chance(12) { try history.keepCopy() }
            }
            if history.chance(2) {
                try history.heal()
                try history.sync()
            }
            try look()
            try end()
        }
        try history.heal()
        let database = try Database(path: DataFile.log.path(in: history.directory), mode: .reader)
        history.counts.seals += Int(try database.integer("SELECT count(*) FROM segment") ?? 0)
        history.counts.events += history.book.entries.count
        history.counts.failedCalls += Int(fault_vfs_failures() - failures)
        return history.counts
    }

    /// Some calls and flushes, in good times and bad.
    private func live() throws {
        if !isQuiet, history.chance(2) { history.beginFault() }
        for _ in 0..<Int(1 + history.below(50)) {
            if history.chance(8) { _ = history.flush() }
            if history.chance(20) { history.checkpoint() }
            if history.chance(30) { try history.sync() }
            history.call()
        }
        if history.chance(2) { try history.heal() }
        history.endFault()
    }

    /// No counter is lower than it was seen before, and the log knows how far it took each ring.
    private mutating func look() throws {
        let shown = try SnapshotReader.read(DataSource(directory: history.directory)).counters
        for index in 0..<CounterIndex.words {
            guard shown[index] >= highest[index] else {
                throw TestFailure("\(CounterName.text(index)) fell from \(highest[index]) to \(shown[index]) while it ran")
            }
            highest[index] = shown[index]
        }
        try history.expectPositions()
    }

    /// A kill or a power cut, now or within what is written next; and perhaps the server's own end, and its next start.
    private mutating func end() throws {
        let copy = place + "/left"
        let fate = history.below(6)
        let isKilledInCall = fate == 0
        if isKilledInCall {
            history.call(stop: history.chance(2) ? .beforeCommit : .beforeCount)
        }
        if fate == 1, !isQuiet {
            // A copy of within a shutdown, a kill's recovery or a flush.
            let caught = try history.moment(within: 60, to: copy) { try pass(history.below(3)) }
            if let caught { try prove(caught, inWrite: true) }
        } else if fate < 4 {
            let caught = try history.moment(within: 12, to: copy) {
                for _ in 0..<3 { history.call() }
                _ = history.flush()
                if history.chance(2) { history.checkpoint() }
                if history.chance(4) { try history.sync() }
            }
            if let caught { try prove(caught, inWrite: true) }
        } else {
            try prove(HistoryMoment(history, powerCut: !isQuiet && history.chance(3), to: copy), inWrite: false)
        }
        Self.remove(copy)
        // A thread that was killed within a call never comes back.
        if isKilledInCall {
            try pass(0)
        } else if history.chance(8) {
            try pass(history.chance(3) ? 1 : 0)
        }
    }

    /// The server goes, and comes again; or only its database to the log does.
    private func pass(_ way: UInt64) throws {
        switch way {
        case 0: history.vanish()
        case 1: try history.shutDown()
        default:
            return try history.reopen()
        }
        if isQuiet { try history.start() } else { try history.startThroughFaults() }
        history.endFault()
    }

    private func prove(_ moment: HistoryMoment, inWrite: Bool) throws {
        if moment.isPowerCut {
            history.counts.powerCuts += 1
            history.counts.powerCutsInWrites += inWrite ? 1 : 0
        } else {
            history.counts.kills += 1
            history.counts.killsInWrites += inWrite ? 1 : 0
        }
        try HistoryProof(moment: moment, isQuiet: isQuiet && !moment.isPowerCut, highest: highest).prove()
    }
}
