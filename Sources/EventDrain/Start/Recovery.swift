import CMachine
import CMetricsLayout
import EventLog
import MetricsMemory
import MetricsModel
import Pseudonyms

/// Puts a directory in order: opens the log, and takes into it what a dead server left in its rings. The plugin's startup and
/// the `recover` command both do this, while holding the directory.
public enum Recovery {
    /// An open log, and the totals that a new session begins with.
    public struct Outcome {
        public var opener: LogOpener
        public var writer: EventLogWriter
        public var ringed: [UInt64]
        public var direct: [UInt64]
        /// When the counters began; nil if neither the log nor a live file knows.
        public var createdNanoseconds: UInt64?
        /// Events taken from the dead server's rings.
        public var recovered = 0
        /// Whether they have rows now; false if they were only counted.
        public var recoveredRows = true
        /// When an event was last dropped: UTC, microseconds since 1970; 0 for never.
        public var lastDropMicroseconds: UInt64 = 0
        /// Events whose log was deleted or quarantined, or lost its last commits in a power cut.
        public var lost: UInt64 = 0
        /// Events of which a power cut or damage left only the count.
        public var torn: UInt64 = 0
        /// The dead server's file. Releasing it frees its memory and, once it has lost its name, its disk space: that takes
        /// some milliseconds, so it is left to the plugin's thread.
        public var oldLive: LiveFileReader?
        /// Continues writing on the dead server's behalf, for a command that removes something; nil without a live file.
        public var drainer: Drainer?

        /// Runs a change in a transaction of its own, and counts what it reports as removed.
        public func remove(
            _ cause: RemovalCause, _ body: () throws(LogError) -> [UInt64]
        ) throws(LogError) -> [UInt64] {
            guard let drainer else { return try writer.removeAlone(cause, body) }
            // Removals are also counted in the dead server's file, whose checksum then no longer holds.
            oldLive?.map.set(QPCM_HEADER_COUNTERS_CHECK, 0)
            defer { oldLive?.map.markStopped() }
            return try drainer.remove(cause, body)
        }
    }

    /// - Parameter kept: where the plugin keeps a sealed epoch's key besides. A command uses what the dead server has kept.
    /// - Throws: `RecoveryError`; nothing is lost: what was in the rings is still there.
    public static func run(
        _ directory: DataDirectory, settings: Settings, sealing: KeySealing = .asFound, kept: KeptKey? = nil, log: PluginLogger
    ) throws(RecoveryError) -> Outcome {
        var quarantined: UInt64 = 0
        // Nothing is changed before it is known that no file is of a newer format: those of the keys and of the live file first,
        // then the log's, which opening it tells.
        do { try LiveFileReader.expectKnown(in: directory.path) } catch { throw .live(error) }
        let before = KeptKey(beside: LivePlace.find(in: directory.path).elsewhere)
        var kept = kept
        if case .asFound = sealing { kept = before }
        let loaded = try KeyStartup.load(directory, identities: settings.identities, kept: kept)
        var opener = LogOpener(
            directory: directory, settings: settings, sealing: sealing, kept: kept, keys: loaded.keys, log: log)
        var outcome: Outcome
        do {
            outcome = try takeOver(&opener, replacingKeys: loaded.isUnusable, quarantined: &quarantined)
        } catch .log(let error) where error.cause == .corrupt && opener.quarantine(because: error) {
            // Some damage only shows at the first write to an index. By now that log is closed; what waits in the rings goes
            // into the next one.
            quarantined += 1
            outcome = try takeOver(&opener, replacingKeys: false, quarantined: &quarantined)
        }
        outcome.ringed[CounterIndex.filesQuarantined] &+= quarantined
        // A server that no longer keeps its key there leaves none.
        for place in [before, kept] {
            guard let place, !place.isSame(as: kept) || !sealing.seals else { continue }
            loaded.keys?.removeKept(place)
        }
        return outcome
    }

    /// Opens the log and takes the dead server's events into it. If this throws, the log is closed.
    private static func takeOver(
        _ opener: inout LogOpener, replacingKeys: Bool, quarantined: inout UInt64
    ) throws(RecoveryError) -> Outcome {
        let settings = opener.settings
        let directory = opener.directory
        let writer: EventLogWriter
        do { writer = try opener.openAtStart(quarantined: &quarantined) } catch { throw .log(error) }
        if replacingKeys {
            KeyStartup.quarantineUnusable(directory, log: opener.log)
            quarantined += 1
        }
        if writer.keys?.hasDamagedNumber == true { KeyStartup.repairNumber(directory, log: opener.log) }
        if writer.hasMismatch {
            opener.log.warning("\(writer.path): the counters do not match their checksum; see qpc-metrics verify")
        }
        // What a dead server recorded while keys were sealed is not written under one that is not.
        var sealing = opener.sealing
        if case .none = sealing { sealing = .asFound }
        try KeyStartup.settle(
            directory, settings, sealing: sealing, kept: opener.kept, writer, quarantined: &quarantined, log: opener.log)
        opener.keys = writer.keys
        let place = LivePlace.find(in: directory.path)
        let live = try openLive(directory, quarantined: &quarantined, log: opener.log)
        let torn = live == nil && place.isElsewhere ? try settleGone(place, writer, log: opener.log) : 0
        // What a dead server recorded under stricter settings is written as was promised then.
        if let header = live?.header {
            writer.use(
                mode: settings.identities.stricter(header.settings.identities), pairs: settings.pairs && header.settings.pairs,
                keepsRows: settings.keepsRows && header.settings.keepsRows)
        }
        var outcome: Outcome
        do {
            outcome = try take(live, into: writer, of: opener)
            outcome.torn &+= torn
            outcome.createdNanoseconds = try began(outcome, live)
            let stored = try StoredState.read(outcome.writer.database).lastDropMicroseconds
            outcome.lastDropMicroseconds = max(UInt64(stored), live?.map.word(QPCM_HEADER_LAST_DROP) ?? 0)
            live?.map.set(QPCM_HEADER_LAST_DROP, outcome.lastDropMicroseconds)
        } catch {
            throw .log(error)
        }
        writer.use(mode: settings.identities, pairs: settings.pairs, keepsRows: settings.keepsRows)
        try KeyStartup.settle(
            directory, settings, sealing: opener.sealing, kept: opener.kept, writer, quarantined: &quarantined, log: opener.log)
        return outcome
    }

    /// Nothing waits in the file any more; if its server died, the file records that.
    private static func markStopped(_ live: LiveFileReader) {
        if live.isRunning { live.map.set(QPCM_HEADER_RECOVERED, TickClock.realtimeNanoseconds() / 1000) }
        live.map.markStopped()
    }

    private static func openLive(
        _ directory: DataDirectory, quarantined: inout UInt64, log: PluginLogger
    ) throws(RecoveryError) -> LiveFileReader? {
        do {
            let live = try LiveFileReader.open(in: directory.path, writable: true)
            guard let mismatch = live.mismatch else { return live }
            // If its server ended cleanly, the file holds nothing that the log lacks.
            guard !live.isRunning, let name = directory.quarantineLive() else {
                log.warning("\(mismatch); the events in its rings are recovered into the log")
                return live
            }
            quarantined += 1
            log.warning("\(mismatch); it is now \(name), and the counters continue from the log")
            return nil
        } catch {
            if error.code == ENOENT { return nil }
            guard error.code == EINVAL || error.code == ELOOP, let name = directory.quarantineLive() else {
                throw .live(error)
            }
            quarantined += 1
            log.warning("\(error.message); it is now \(name), and a new one has begun")
            return nil
        }
    }

    /// A live file in memory went with the machine, or stayed where the directory was copied from. What hooks had counted when
    /// the log was last written, and it does not have, is torn.
    /// - Returns: the number of torn events.
    private static func settleGone(
        _ place: LivePlace, _ writer: EventLogWriter, log: PluginLogger
    ) throws(RecoveryError) -> UInt64 {
        let torn: UInt64
        do { torn = try writer.countGone(at: Int64(clamping: TickClock.realtimeNanoseconds() / 1000)) } catch {
            throw .log(error)
        }
        place.forget()
        log.warning(
            "the live file \(place.path) is gone, as after a power cut, or is not this directory's; anything recorded after "
                + "the log was last written is lost")
        return torn
    }

    /// When the counters began, which the log keeps. A live file may know it from before the log was quarantined or replaced,
    /// as it knows the counters; if nothing is counted yet, the counters begin now.
    private static func began(_ outcome: Outcome, _ live: LiveFileReader?) throws(LogError) -> UInt64? {
        let stored = try StoredState.createdNanoseconds(outcome.writer.database)
        var began = stored
        if let known = live?.header.createdNanoseconds { began = min(known, began ?? known) }
        let isNew = outcome.ringed.allSatisfy { $0 == 0 } && outcome.direct.allSatisfy { $0 == 0 }
        if began == nil, isNew { began = TickClock.realtimeNanoseconds() }
        // Not worth refusing to start: the live file has it too, and the next start tries again.
        if let began, began != stored { try? outcome.writer.saveCreated(began) }
        return began
    }

    /// Lists what the dead server dropped and had not yet listed, and what was lost with the log that it wrote.
    private static func noteDrops(
        _ drops: DropMinutes, _ totals: Reconciliation.Totals, _ stored: StoredState, _ live: LiveFileReader,
        _ writer: EventLogWriter
    ) throws(LogError) {
        let now = Int64(clamping: TickClock.realtimeNanoseconds() / 1000)
        func time(_ word: Int) -> Int64? { live.map.word(word) == 0 ? nil : min(now, Int64(clamping: live.map.word(word))) }
        let end = live.heartbeatNanoseconds == 0 ? now : min(now, Int64(clamping: live.heartbeatNanoseconds / 1000))
        let began = Int64(clamping: (live.header.createdNanoseconds ?? 0) / 1000)
        let direct = live.map.dropTotals(.direct)
        guard totals.isOfAnotherLog else { return drops.note(direct, at: time(QPCM_HEADER_LAST_DROP) ?? end) }
        // The list went with the other log: the counters say how many were dropped, and nothing says when.
        let unlisted = live.map.dropTotals(.both).growth(since: stored.drops)
        drops.skip(direct)
        drops.add(DropSpan(found: now, since: began, until: time(QPCM_HEADER_LAST_DROP) ?? end, drops: unlisted, isListed: false))
        var oldest = time(QPCM_HEADER_OLDEST_EVENT) ?? began
        if let known = stored.session, known == live.header.session { oldest = max(oldest, try writer.newestEvent() ?? 0) }
        drops.lose(totals.drops, at: now, since: oldest, until: end)
    }

    private static func take(
        _ live: LiveFileReader?, into writer: EventLogWriter, of opener: LogOpener
    ) throws(LogError) -> Outcome {
        let stored = try StoredState.read(writer.database)
        guard let live else {
            return Outcome(opener: opener, writer: writer, ringed: stored.ringed, direct: stored.direct)
        }
        let session = live.header.session
        var positions: [Int: UInt64] = [:]
        if let known = stored.session, known == session {
            for ring in stored.rings { positions[ring.slot] = ring.position }
        }
        let pending = PendingRecords.tally(live.map, positions: positions)
        let totals = Reconciliation.totals(log: stored, live: live.map, session: session, pending: pending)
        let drainer = Drainer(
            map: live.map, session: session, clock: live.header.clock, writer: writer, ringed: totals.ringed,
            stored: stored, isBehind: !totals.isLogsOwn)
        try noteDrops(drainer.drops, totals, stored, live, writer)
        var outcome = Outcome(opener: opener, writer: writer, ringed: totals.ringed, direct: totals.direct)
        outcome.lost = totals.lost
        outcome.oldLive = live
        outcome.drainer = drainer
        // The usual start, after a shutdown: nothing waits, nothing needs correcting, so nothing is written.
        let counted = live.map.totals(.ringed)
        let isInOrder = (0..<CounterIndex.words).allSatisfy {
            pending[$0] == 0 && counted[$0] == totals.ringed[$0] && totals.direct[$0] == stored.direct[$0]
        }
        if isInOrder && totals.ringed == stored.ringed {
            markStopped(live)
            return outcome
        }
        // However old it is, it is safe in the log before it is wiped from its ring.
        try writer.database.sync(eachCommit: true)
        repeat {
            _ = drainer.look()
            let progress = try drainer.step()
            outcome.recovered += progress.events
            if !progress.isMoreWaiting { break }
        } while true

        outcome.recoveredRows = writer.keepsRows
        outcome.torn = drainer.countTorn(counted)
        try drainer.saveCounters()
        try writer.database.sync(eachCommit: opener.settings.syncsEachCommit)
        markStopped(live)
        for index in 0..<CounterIndex.words { outcome.ringed[index] = drainer.total(index) }
        outcome.direct = totals.direct
        return outcome
    }
}

/// Why a directory could not be put in order.
public enum RecoveryError: Error {
    case key(IdentityKeyError)
    case log(LogError)
    case live(MemoryError)

    public var message: String {
        switch self {
        case .key(let error): return error.message
        case .log(let error): return error.message
        case .live(let error): return error.message
        }
    }
}
