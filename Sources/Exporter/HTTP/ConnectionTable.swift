import NIOCore

/// All open connections, and the limits on them. Event loop only.
final class ConnectionTable {
    private var connections: [ObjectIdentifier: Connection] = [:]
    private var counts: [AddressKey: Int] = [:]
    private let limits: ExporterLimits
    private let loop: any EventLoop
    private var sweep: Scheduled<Void>?
    /// Called when the last one has gone.
    var whenEmpty: (() -> Void)?

    init(limits: ExporterLimits, loop: any EventLoop) {
        self.limits = limits
        self.loop = loop
    }

    var count: Int { connections.count }
    var all: [Connection] { Array(connections.values) }

    /// False if the table is full and nothing can be evicted. It evicts a connection that asks for nothing, or else one that does
    /// not read its answer: a crowd of slow clients then evicts its own, and not the scraper.
    func admit(_ connection: Connection) -> Bool {
        let fromThere = counts[connection.address] ?? 0
        if fromThere >= limits.connectionsPerAddress {
            guard let victim = victim(from: connection.address) else { return false }
            victim.evict()
        } else if connections.count >= limits.connections {
            guard let victim = victim(from: nil) else { return false }
            victim.evict()
        }
        connections[ObjectIdentifier(connection)] = connection
        counts[connection.address, default: 0] += 1
        if sweep == nil { scheduleSweep() }
        return true
    }

    /// First the connections that never finish a request, then those that do not read their answer, then new ones, then those
    /// that have been idle longest between two requests.
    private func victim(from address: AddressKey?) -> Connection? {
        var victim: (connection: Connection, rank: Int)?
        let now = NIODeadline.now()
        for connection in connections.values {
            guard let rank = connection.evictionRank(now) else { continue }
            if let address, connection.address != address { continue }
            if let known = victim, (known.rank, known.connection.since) <= (rank, connection.since) { continue }
            victim = (connection, rank)
        }
        return victim?.connection
    }

    func remove(_ connection: Connection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        if let count = counts[connection.address], count > 1 {
            counts[connection.address] = count - 1
        } else {
            counts[connection.address] = nil
        }
        if connections.isEmpty { whenEmpty?() }
    }

    /// One timer for all connections, instead of one or two for each request.
    private func scheduleSweep() {
        let bound = NIOLoopBound(self, eventLoop: loop)
        sweep = loop.scheduleTask(in: limits.sweepInterval) {
            let table = bound.value
            table.sweep = nil
            let now = NIODeadline.now()
            for connection in table.all where connection.deadline <= now { connection.timeIsOver() }
            if !table.connections.isEmpty { table.scheduleSweep() }
        }
    }

    func end() {
        sweep?.cancel()
        sweep = nil
    }
}
