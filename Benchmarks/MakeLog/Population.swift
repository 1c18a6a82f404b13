import Glibc

/// The server's population: 20,000 users with 50,000 devices, each with a key, and the channels between them. All bytes are made
/// once, in flat memory, since ten million events point into it.
final class Population {
    static let users = 20_000
    static let identities = 50_000
    private static let keyBytes = 32
    private static let nameBytes = 24
    private static let firstNames = [
        "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj", "olivia",
        "peggy", "rupert", "sybil", "trent", "victor", "walter", "zoë",
    ]

    private let keys: UnsafeMutablePointer<UInt8>
    private let names: UnsafeMutablePointer<UInt8>
    private let nameLengths: UnsafeMutablePointer<Int>
    /// `log(users)`: skews the choice, so that a few users do most of it.
    private let spread = log(Double(users))

    init(seed: UInt64) {
        keys = .allocate(capacity: Self.identities * Self.keyBytes)
        names = .allocate(capacity: Self.users * Self.nameBytes)
        nameLengths = .allocate(capacity: Self.users)
        var random = SplitMix(state: seed ^ 0x0C0F_FEE0)
        for index in 0..<Self.identities * Self.keyBytes { keys[index] = UInt8(truncatingIfNeeded: random.next()) }
        for user in 0..<Self.users {
            let name = Array("\(Self.firstNames[user % Self.firstNames.count]).\(user)".utf8)
            nameLengths[user] = name.count
            for (index, byte) in name.enumerated() { names[user * Self.nameBytes + index] = byte }
        }
    }

    deinit {
        keys.deallocate()
        names.deallocate()
        nameLengths.deallocate()
    }

    /// A random user, weighted by activity: the n-th most active does 1/n of what the first does (Zipf's law).
    func someUser(_ random: inout SplitMix) -> Int { min(Int(exp(random.fraction() * spread)) - 1, Self.users - 1) }

    func name(_ user: Int) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: names + user * Self.nameBytes, count: nameLengths[user])
    }

    /// One of a user's two or three devices, of which the first is used most.
    func device(of user: Int, _ random: inout SplitMix) -> Int {
        let mine = user % 2 == 0 ? 2 : 3
        let pick = random.chance(0.7) ? 0 : random.below(mine)
        return pick == 0 ? user : Self.users + (user * 3 / 2 + pick - 1) % (Self.identities - Self.users)
    }

    func key(_ identity: Int) -> UnsafePointer<UInt8> { UnsafePointer(keys + identity * Self.keyBytes) }

    /// One of a user's friends, of whom there are about eight; the first few are chosen most often.
    func friend(of user: Int, _ random: inout SplitMix) -> Int {
        let friend = Int(exp(random.fraction() * log(8))) - 1
        var choice = SplitMix(state: UInt64(user) &* 31 &+ UInt64(friend))
        return someUser(&choice)
    }

    /// The channel between two users: 16 bytes derived from the two.
    func channel(_ one: Int, _ other: Int) -> (UInt64, UInt64) {
        var random = SplitMix(state: UInt64(min(one, other)) << 32 | UInt64(max(one, other)))
        return (random.next(), random.next())
    }
}
