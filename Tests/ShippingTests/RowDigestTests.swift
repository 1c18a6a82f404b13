import Testing

@testable import Shipping

/// That ClickHouse computes the same is seen where it does: in the tests of `ship verify` with a real server.
@Suite struct RowDigestTests {
    private func hash(_ text: String) -> UInt64 { RowDigest.hash(Array(text.utf8)) }

    /// `SELECT sipHash64('…')`.
    @Test func itIsWhatClickHouseSays() {
        #expect(hash("") == 0x1e92_4b9d_7377_00d7)
        #expect(Set((0...40).map { hash(String(repeating: "a", count: $0)) }).count == 41)
    }
}
