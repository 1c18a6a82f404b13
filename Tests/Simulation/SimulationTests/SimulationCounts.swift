/// What happened in some runs, to check that they reach the states in which things can go wrong.
struct SimulationCounts {
    var events = 0
    var dropped = 0
    var recovered = 0
    var starts = 0
    var failedStarts = 0
    var kills = 0
    var killsInWrites = 0
    var powerCuts = 0
    var powerCutsInWrites = 0
    var failedCalls = 0
    var failedFlushes = 0
    var syncs = 0
    var turns = 0
    var failedSyncs = 0
    var checkpoints = 0
    var replacements = 0
    var logsLost = 0
    var filesBesideLost = 0
    var logsDamaged = 0
    var damagesMet = 0
    var logsPutBack = 0
    var ringsDamaged = 0
    var clockJumps = 0
    var seals = 0
    var retentions = 0
    var forgets = 0
    var rebuilds = 0
    var requestsFailed = 0
    var removed = 0
    var aged = 0
    var pauses = 0
    var filesLostMeanwhile = 0
    var logsLostMeanwhile = 0

    private static let fields: [(String, WritableKeyPath<SimulationCounts, Int> & Sendable)] = [
        ("events", \.events), ("dropped", \.dropped), ("recovered", \.recovered), ("starts", \.starts),
        ("failed starts", \.failedStarts), ("kills", \.kills), ("of them in a write", \.killsInWrites),
        ("power cuts", \.powerCuts), ("of them in a write", \.powerCutsInWrites), ("failed calls", \.failedCalls),
        ("failed flushes", \.failedFlushes), ("syncs", \.syncs), ("failed syncs", \.failedSyncs),
        ("checkpoints", \.checkpoints), ("logs opened again", \.replacements), ("logs lost", \.logsLost),
        ("-wal or -shm lost", \.filesBesideLost), ("logs damaged", \.logsDamaged), ("damage met by a flush", \.damagesMet),
        ("older logs put back", \.logsPutBack), ("rings damaged", \.ringsDamaged), ("clock jumps", \.clockJumps),
        ("segments sealed", \.seals), ("retentions", \.retentions), ("forgets", \.forgets), ("rebuilds", \.rebuilds),
        ("requests that failed", \.requestsFailed), ("removed", \.removed),
        ("left by age", \.aged), ("turns", \.turns), ("quiet hours", \.pauses), ("-shm lost in a removal", \.filesLostMeanwhile),
        ("logs lost in a removal", \.logsLostMeanwhile),
    ]

    mutating func add(_ other: SimulationCounts) {
        for (_, field) in Self.fields { self[keyPath: field] += other[keyPath: field] }
    }

    /// Scaled to a hundred runs.
    func described(runs: Int) -> String {
        Self.fields.map { name, field in
            let share = Double(self[keyPath: field]) * 100 / Double(runs)
            return "\(name) \(share >= 10 || share == 0 ? "\(Int(share.rounded()))" : "\((share * 10).rounded() / 10)")"
        }.joined(separator: ", ")
    }

    /// States that no run reached.
    var missing: [String] { Self.fields.filter { self[keyPath: $0.1] == 0 }.map(\.0) }
}
