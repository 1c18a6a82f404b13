import Testing

@testable import MetricsModel

@Suite struct VersionTests {
    @Test(
        "A version is newer by its numbers",
        arguments: [
            ("0.2.0", "0.1.0", true), ("0.1.0", "0.1.0", false), ("0.0.9", "0.1.0", false), ("0.10.0", "0.9.9", true),
            ("1", "0.1.0", true), ("0.1", "0.1.0", false), ("0.1.0.1", "0.1.0", true), ("0.1.0-rc.1", "0.1.0", false),
            ("9.8.7-rc.1", "0.1.0", true), ("", "0.1.0", false), ("99999999999999999999999", "0.1.0", true),
        ])
    func newer(_ version: String, _ current: String, _ expected: Bool) {
        #expect(NewerFormat.isNewer(version, than: current) == expected)
    }

    @Test func aFormatIsNewerOnlyIfItsVersionIs() {
        #expect(NewerFormat(found: 3, known: 2, needs: "9.8.7")?.needs == "9.8.7")
        #expect(NewerFormat(found: 3, known: 2)?.needs == nil && NewerFormat(found: 3, known: 2) != nil)
        #expect(NewerFormat(found: 3, known: 2, needs: Version.current) == nil)
        #expect(NewerFormat(found: 2, known: 2, needs: "9.8.7") == nil)
        #expect(NewerFormat(found: NewerFormat.limit + 1, known: 2, needs: "9.8.7") == nil)
    }
}
