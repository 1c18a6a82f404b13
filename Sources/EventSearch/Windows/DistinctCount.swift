import EventLog

/// How many distinct numbers were added: exact up to a limit, beyond that estimated to within some 2 % (HyperLogLog, 16,384
/// registers), in bounded memory.
public struct DistinctCount: Sendable {
    private static let exactLimit = 1 << 18
    private static let registerBits = 14

    private var exact: Set<UInt64> = []
    private var registers: [UInt8] = []

    public init() {}

    public var isEstimate: Bool { !registers.isEmpty }

    public mutating func add(_ number: UInt64) {
        if registers.isEmpty {
            exact.insert(number)
            guard exact.count > Self.exactLimit else { return }
            registers = [UInt8](repeating: 0, count: 1 << Self.registerBits)
            for number in exact { note(number) }
            exact = []
        } else {
            note(number)
        }
    }

    public var value: UInt64 {
        guard isEstimate else { return UInt64(exact.count) }
        // Far above the range that needs a small-number correction.
        var sum = 0.0
        for register in registers { sum += Double(sign: .plus, exponent: -Int(register), significand: 1) }
        let count = Double(registers.count)
        return UInt64(0.7213 / (1 + 1.079 / count) * count * count / sum)
    }

    private mutating func note(_ number: UInt64) {
        let hash = Self.mixed(number)
        let index = Int(hash >> UInt64(64 - Self.registerBits))
        let rest = hash << UInt64(Self.registerBits) | 1 << UInt64(Self.registerBits - 1)
        let rank = UInt8(rest.leadingZeroBitCount + 1)
        if rank > registers[index] { registers[index] = rank }
    }

    /// SplitMix64's mixing.
    private static func mixed(_ number: UInt64) -> UInt64 {
        var mixed = number &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
