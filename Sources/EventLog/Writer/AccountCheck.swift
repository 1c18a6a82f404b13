import MetricsModel

/// A checksum over the log's account of itself: the tables `counter`, `ring`, `epoch` and `state`, as of the last transaction. It
/// is stored as the entry `account_check` of `state`. Logs of older versions have none.
///
/// A log whose account does not match at startup stays in use, since its rows may all be right; the entry `account_mismatch`
/// records that for the rest of the log's life.
package enum AccountCheck {
    static let key = "account_check"
    static let mismatchKey = "account_mismatch"

    /// The checksum of the tables as they are now.
    package static func compute(_ database: Database) throws(LogError) -> UInt64 {
        var sum: UInt64 = 0
        let counters = try database.prepare("SELECT id, ringed, direct FROM counter")
        while try counters.step() {
            sum &+= counter(counters.integer(0), counters.integer(1), counters.integer(2))
        }
        return sum &+ (try Rest(database).sum())
    }

    /// A counter that never counted anything is the same as an absent one.
    @inline(__always)
    static func counter(_ id: Int64, _ ringed: Int64, _ direct: Int64) -> UInt64 {
        if ringed == 0 && direct == 0 { return 0 }
        return Checksum.mix(Checksum.mix(Checksum.mix(Checksum.start, id), ringed), direct)
    }

    /// Nil if the log has none.
    package static func stored(_ database: Database) throws(LogError) -> UInt64? {
        try database.integer("SELECT value FROM state WHERE key = '\(key)'").map { UInt64(bitPattern: $0) }
    }

    package enum Verdict {
        /// It matches, or there is no checksum.
        case sound
        /// It changed at rest.
        case mismatch
        /// It had changed when a server started; the server kept using the log.
        case earlierMismatch
    }

    /// A consistent snapshot if a transaction is open.
    package static func verdict(_ database: Database) throws(LogError) -> Verdict {
        if try database.integer("SELECT 1 FROM state WHERE key = '\(mismatchKey)'") == 1 { return .earlierMismatch }
        guard let stored = try stored(database) else { return .sound }
        return stored == (try compute(database)) ? .sound : .mismatch
    }

    /// The tables whose few rows are reread for each transaction; the writer has the counters in memory.
    final class Rest {
        private let rings: Statement
        private let epochs: Statement
        private let states: Statement

        convenience init(_ database: Database) throws(LogError) {
            self.init(
                rings: try database.prepare("SELECT slot, position, batch, batch_size FROM ring", operation: "write"),
                epochs: try database.prepare("SELECT epoch, first_id FROM epoch", operation: "write"),
                states: try database.prepare("SELECT key, value FROM state WHERE key <> '\(key)'", operation: "write"))
        }

        private init(rings: Statement, epochs: Statement, states: Statement) {
            self.rings = rings
            self.epochs = epochs
            self.states = states
        }

        func sum() throws(LogError) -> UInt64 {
            var sum: UInt64 = 0
            while try rings.step(operation: "write") {
                var hash = Checksum.mix(Checksum.start, UInt64(1))
                for column in 0..<4 { hash = Checksum.mix(hash, rings.integer(Int32(column))) }
                sum &+= hash
            }
            rings.reset()
            while try epochs.step(operation: "write") {
                sum &+= Checksum.mix(Checksum.mix(Checksum.mix(Checksum.start, UInt64(2)), epochs.integer(0)), epochs.integer(1))
            }
            epochs.reset()
            while try states.step(operation: "write") {
                sum &+= Checksum.mix(
                    Checksum.mix(Checksum.mix(Checksum.start, UInt64(3)), bytes: states.bytes(0)), bytes: states.bytes(1))
            }
            states.reset()
            return sum
        }
    }
}
