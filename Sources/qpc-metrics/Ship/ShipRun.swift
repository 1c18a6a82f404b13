import Glibc
import MetricsQuery
import Readings
import Shipping
import Synchronization
import Terminal

/// What a shipper has done so far, for whoever asks; usable from any thread.
final class ShipBoard: Sendable {
    private let counts = Mutex(ShipCounts())

    var now: ShipCounts { counts.withLock { $0 } }

    func update(_ change: (inout ShipCounts) -> Void) { counts.withLock { change(&$0) } }
}

/// Sends batch after batch, and waits for more, or for a server that is down.
///
/// A signal may end it at any moment: the cursor file says where to go on.
struct ShipRun {
    let shipper: Shipper
    let target: ShipTarget
    let follows: Bool
    /// Microseconds between two looks at a log that has nothing new.
    let pause: Int64

    /// Nil if nobody asks.
    let board: ShipBoard?

    private var hasSent = false

    init(shipper: Shipper, target: ShipTarget, follows: Bool, pause: Int64, board: ShipBoard?) {
        self.shipper = shipper
        self.target = target
        self.follows = follows
        self.pause = pause
        self.board = board
    }

    /// Without --follow, how long a server that did answer may be away, in seconds.
    private static let patience = 120.0
    private static let longestPause = 60.0

    mutating func run() throws(ShipError) {
        // Events that come in the meantime are the next run's.
        let end = follows ? Int64.max : try shipper.newestID() ?? 0
        var failures = 0
        var failingSince = 0.0
        var said: String?
        post()
        while true {
            do {
                let step = try shipper.step()
                hasSent = true
                post()
                if failures > 0 { Notice.say("\(target) answers again") }
                failures = 0
                said = nil
                if case .sent = step, shipper.sentID < end { continue }
                guard follows else { break }
                if case .sent = step { continue }
                wait(Double(pause) / 1_000_000)
            } catch {
                board?.update { $0[Self.cause(error)] += 1 }
                guard mayPass(error) else { throw error }
                if failures == 0 { failingSince = Self.now }
                guard follows || hasSent && Self.now - failingSince < Self.patience else { throw error }
                failures += 1
                let message = ShipCommand.failure(error, target).message
                if said != message { Notice.say("\(message); trying again") }
                said = message
                // Between half and all of 1, 2, 4 … 60 seconds, so that a fleet does not come back in step.
                let longest = min(Self.longestPause, Double(1 << min(failures - 1, 6)))
                wait(longest * Double.random(in: 0.5...1))
            }
        }
        try shipper.settle()
    }

    private func mayPass(_ error: ShipError) -> Bool {
        switch error {
        case .engine(let error): !error.isLasting
        // A log that is being created or replaced.
        case .log(let error): if case .noPermission = error { false } else { follows }
        case .unnamed: follows
        default: false
        }
    }

    private static func cause(_ error: ShipError) -> ShipCounts.ErrorCause {
        switch error {
        case .engine(.http): .connection
        case .engine, .noTables: .engine
        case .log, .unnamed, .plain, .cursor, .otherCursor: .log
        }
    }

    /// Tells the board how far it is.
    private func post() {
        guard let board else { return }
        let totals = shipper.totals
        // What the log does not say now, it says the next time.
        let lag = try? shipper.lag()
        board.update {
            $0.events = totals.events
            $0.batches = totals.batches
            $0[.retention] = totals.skipped
            $0[.removed] = totals.removed
            guard let lag else { return }
            $0.lagEvents = lag.events
            $0.oldestMicroseconds = lag.oldestMicroseconds
        }
    }

    private func wait(_ seconds: Double) {
        guard board != nil else { return sleep(seconds) }
        // Events go on coming while a server is away.
        var left = seconds
        while left > 0 {
            sleep(min(left, 1))
            left -= 1
            if left > 0 { post() }
        }
    }

    private func sleep(_ seconds: Double) {
        var rest = timespec(tv_sec: Int(seconds), tv_nsec: Int(seconds.truncatingRemainder(dividingBy: 1) * 1e9))
        var left = timespec()
        while nanosleep(&rest, &left) != 0 && errno == EINTR { rest = left }
    }

    private static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    var summary: String {
        let totals = shipper.totals
        var text =
            "\(Quantity.count(totals.events, "event")) sent to \(target) in "
            + Quantity.count(totals.batches, "batch", plural: "batches")
        if let first = totals.firstID, let last = totals.lastID { text += ", ids \(first) to \(last)" }
        text += "\n"
        if totals.known > 0 { text += "\(Quantity.count(totals.known, "event")) were there already\n" }
        if totals.skipped > 0 { text += "\(Quantity.count(totals.skipped, "event")) had left the log before they were sent\n" }
        if totals.removed > 0 {
            text += "\(Quantity.count(totals.removed, "event")) had been removed from among others before they were sent\n"
        }
        if totals.leftOut > 0 {
            let names = Quantity.count(totals.leftOut, "name or key", plural: "names and keys")
            text += "\(names) in the clear left out: only pseudonyms are sent\n"
        }
        return text
    }
}
