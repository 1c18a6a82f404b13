import CCrypt
import CMachine
import CSodium
import Glibc
import NIOCore
import NIOPosix

/// Checks user names and passwords against bcrypt hashes, on a thread of its own: one check takes a tenth of a second or more.
/// Correct passwords are remembered as keyed hashes, so that a scraper pays once. Event loop only.
final class PasswordCheck {
    enum Verdict: Sendable {
        case right
        case wrong
        /// Too many others are waiting.
        case busy
    }

    private let pool: NIOThreadPool
    private let loop: any EventLoop
    private let limit: Int
    private let secret: [UInt8]
    /// Waiting checks, by user; all unknown names count as one user. Users take turns, so that guesses at one name delay another
    /// user's first correct password by one check, however many guesses there are.
    private var lines: [String: [Job]] = [:]
    /// The waiting names, each once, in the order of their turns.
    private var turns: [String] = []
    private var isChecking = false
    private var known: Set<[UInt8]> = []

    init(pool: NIOThreadPool, loop: any EventLoop, limit: Int) {
        self.pool = pool
        self.loop = loop
        self.limit = limit
        var secret = [UInt8](repeating: 0, count: Int(crypto_auth_hmacsha256_KEYBYTES))
        let count = secret.withUnsafeMutableBytes { getrandom($0.baseAddress, $0.count, 0) }
        precondition(count == secret.count, "the system has no random numbers")
        self.secret = secret
    }

    /// May call `answer` before it returns.
    func check(
        _ authorization: String, users: [String: String], _ answer: @escaping (Verdict) -> Void
    ) {
        guard let (user, password) = Self.credentials(authorization) else { return answer(.wrong) }
        guard let dearest = users.values.max(by: { BcryptCost.of($0) < BcryptCost.of($1) }) else { return answer(.wrong) }
        // Every refusal costs as much as the most expensive hash, so that timing reveals neither which names exist nor whose hash
        // is cheap. The decoy matches nothing.
        let decoy = String(dearest.prefix(29)) + String(repeating: ".", count: 31)
        let hash = users[user] ?? decoy
        let isKnownUser = users[user] != nil
        let makesUp = max(0, (1 << BcryptCost.of(dearest)) - (1 << BcryptCost.of(hash)))
        let proof = proof(of: user, password, hash)
        if isKnownUser, known.contains(proof) { return answer(.right) }
        let name = isKnownUser ? user : ""
        guard lines[name, default: []].count < limit else { return answer(.busy) }
        if lines[name] == nil { turns.append(name) }
        let job = Job(
            check: {
                let isRight = Self.matches(password, hash) && isKnownUser
                if !isRight { Self.spend(rounds: makesUp, password, decoy) }
                return isRight
            },
            decide: { [self] isRight in
                if isRight {
                    if known.count >= 100 { known.removeAll() }
                    known.insert(proof)
                }
                answer(isRight ? .right : .wrong)
            })
        lines[name, default: []].append(job)
        checkNext()
    }

    private struct Job {
        /// On the pool's thread.
        var check: @Sendable () -> Bool
        /// On the event loop.
        var decide: (Bool) -> Void
    }

    private func checkNext() {
        guard !isChecking, let name = turns.first, let job = lines[name]?.first else { return }
        isChecking = true
        turns.removeFirst()
        let decided = NIOLoopBound(
            { [self] (isRight: Bool) in
                isChecking = false
                // It kept its place in the queue until now.
                lines[name]?.removeFirst()
                if lines[name]?.isEmpty == true { lines[name] = nil } else { turns.append(name) }
                job.decide(isRight)
                checkNext()
            }, eventLoop: loop)
        let (loop, check) = (loop, job.check)
        pool.submit { state in
            let isRight = state == .active && check()
            loop.execute { decided.value(isRight) }
        }
    }

    private static func spend(rounds: Int, _ password: [UInt8], _ decoy: String) {
        for cost in BcryptCost.costs(ofRounds: rounds) {
            let digits = cost < 10 ? "0\(cost)" : "\(cost)"
            _ = matches(password, String(decoy.prefix(4)) + digits + String(decoy.dropFirst(6)))
        }
    }

    /// `Basic` and base64 of `user:password`.
    private static func credentials(_ authorization: String) -> (user: String, password: [UInt8])? {
        guard authorization.prefix(6).lowercased() == "basic " else { return nil }
        let encoded = Array(authorization.utf8.dropFirst(6).drop { $0 == 0x20 }).map { CChar(bitPattern: $0) }
        var decoded = [UInt8](repeating: 0, count: encoded.count)
        var count = 0
        guard
            sodium_base642bin(
                &decoded, decoded.count, encoded, encoded.count, nil, &count, nil, sodium_base64_VARIANT_ORIGINAL)
                == 0, let colon = decoded[..<count].firstIndex(of: 0x3A)
        else { return nil }
        let password = Array(decoded[(colon + 1)..<count])
        // To C, the password would end there.
        guard !password.contains(0) else { return nil }
        return (String(decoding: decoded[..<colon], as: UTF8.self), password)
    }

    private func proof(of user: String, _ password: [UInt8], _ hash: String) -> [UInt8] {
        let name = Array(user.utf8)
        let message = Array(hash.utf8) + [UInt8(truncatingIfNeeded: name.count), 0] + name + [0] + password
        var proof = [UInt8](repeating: 0, count: Int(crypto_auth_hmacsha256_BYTES))
        _ = crypto_auth_hmacsha256(&proof, message, UInt64(message.count), secret)
        return proof
    }

    private static func matches(_ password: [UInt8], _ hash: String) -> Bool {
        let data = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
        defer {
            sodium_memzero(data, MemoryLayout<crypt_data>.size)
            data.deallocate()
        }
        memset(data, 0, MemoryLayout<crypt_data>.size)
        let phrase = password.map { CChar(bitPattern: $0) } + [0]
        guard let computed = crypt_r(phrase, hash, data), strlen(computed) == hash.utf8.count else { return false }
        return sodium_memcmp(computed, hash, hash.utf8.count) == 0
    }
}

/// bcrypt's work: the number of rounds is 2 to the power of the cost.
package enum BcryptCost {
    package static func of(_ hash: String) -> Int {
        let digits = hash.utf8.dropFirst(4).prefix(2)
        return min(31, digits.reduce(0) { $0 * 10 + Int($1 &- 0x30) % 10 })
    }

    /// Costs whose hashes take this many rounds together: each bit of the number is one cost. 4 is bcrypt's minimum.
    package static func costs(ofRounds rounds: Int) -> [Int] { (4...31).filter { rounds >> $0 & 1 == 1 } }
}
