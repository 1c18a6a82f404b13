import Foundation

/// SplitMix64: the same numbers for a seed on every machine. A test prints the seed if it was not given one.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64
    public let seed: UInt64

    public init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// A new seed in each run, or that of `QPC_SEED`; it is printed, so that a failure can be repeated.
    public static func announced(_ test: String) -> SeededGenerator {
        let seed = BuiltProducts.setting("QPC_SEED").flatMap { UInt64($0) } ?? UInt64.random(in: 1...0xFFFF_FFFF)
        FileHandle.standardError.write(Data("\(test): QPC_SEED=\(seed)\n".utf8))
        return SeededGenerator(seed: seed)
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    public mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}
