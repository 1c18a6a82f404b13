import CCrypt
import CMachine
import CSodium
import Glibc
import NIOCore
import NIOPosix

/// Checks names and passwords against bcrypt's hashes, on a thread of its own: one check costs a tenth of a second and
/// more. What was right is remembered, as a keyed hash, so that a scraper pays once. On the event loop.
final class PasswordCheck {
    enum Verdict: Sendable {
        case right
        case wrong
        /// Too many others wait.
        case busy
    }

    private let pool: NIOThreadPool
    private let loop: any EventLoop
    private let limit: Int
    private let secret: [UInt8]
    private var waiting = 0
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

    /// The verdict may come at once.
    func check(
        _ authorization: String, users: [String: String], _ answer: @escaping (Verdict) -> Void
    ) {
        guard let (user, password) = Self.credentials(authorization) else { return answer(.wrong) }
        // An unknown name costs what a known one does, so that time does not tell which names there are. The cost is
        // that of the other users; the hash matches nothing.
        let hash = users[user] ?? users.values.min().map { String($0.prefix(29)) + String(repeating: ".", count: 31) }
        guard let hash else { return answer(.wrong) }
        let isKnownUser = users[user] != nil
        let proof = proof(of: user, password, hash)
        if isKnownUser, known.contains(proof) { return answer(.right) }
        guard waiting < limit else { return answer(.busy) }
        waiting += 1
        let decided = NIOLoopBound(
            { [self] (isRight: Bool) in
                waiting -= 1
                if isRight {
                    if known.count >= 100 { known.removeAll() }
                    known.insert(proof)
                }
                answer(isRight ? .right : .wrong)
            }, eventLoop: loop)
        let loop = loop
        pool.submit { state in
            let isRight = state == .active && Self.matches(password, hash) && isKnownUser
            loop.execute { decided.value(isRight) }
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
        // C would take the password to end there.
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
