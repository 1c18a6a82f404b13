import MetricsModel
import Testing

@Suite struct FailureClassTests {
    static let reasons: [(reason: String, failure: FailureClass)] = [
        ("invalid credentials", .credentials), ("InvalidCredentials", .credentials), ("bad password", .credentials),
        ("wrong passphrase", .credentials), ("credential mismatch", .credentials), ("invalid", .credentials),
        ("unknown user", .unknownUser), ("unknown_user", .unknownUser), ("UnknownUser", .unknownUser),
        ("user not found", .unknownUser), ("no such account", .unknownUser), ("user does not exist", .unknownUser),
        ("rate limited", .rateLimited), ("RATE-LIMITED", .rateLimited), ("too many attempts", .rateLimited),
        ("rateLimited", .rateLimited), ("throttled: invalid credentials", .rateLimited),
        ("account locked", .locked), ("user is disabled", .locked), ("suspended", .locked),
        ("session expired", .expired), ("expired credentials", .expired), ("timeout", .expired),
        ("protocol error", .protocolError), ("malformed OPAQUE message", .protocolError),
        ("invalid message", .protocolError), ("unknown protocol version", .protocolError),
        ("unexpected state", .protocolError), ("decode failure", .protocolError),
        ("", .other), ("internal error", .other), ("unknown", .other), ("alice", .other), ("ratelimiter", .other),
        ("\u{1b}[31m locked", .locked), ("31mlocked", .other), ("Zugang gesperrt", .other),
    ]

    @Test(arguments: reasons)
    func aReasonsWordsTellItsClass(_ example: (reason: String, failure: FailureClass)) {
        let found = Array(example.reason.utf8).withUnsafeBytes { FailureClass(reason: $0) }
        #expect(found == example.failure)
    }

    @Test func anyBytesHaveAClass() {
        var state: UInt64 = 20_261_122
        print("seed \(state)")
        for _ in 0..<20_000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int(state % 257) {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes.append(UInt8(truncatingIfNeeded: state >> 33))
            }
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let found = bytes.withUnsafeBytes { FailureClass(reason: $0) }
            #expect(FailureClass.allCases.contains(found))
        }
    }
}
