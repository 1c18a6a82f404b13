import Testing

@testable import Shipping

@Suite struct ShipTargetTests {
    @Test func anAddressHasItsParts() throws {
        let target = try ShipTarget("clickhouse+https://qpc@db.example:9443/fleet")
        #expect(target.address.isEncrypted)
        #expect(target.address.host == "db.example")
        #expect(target.address.port == 9443)
        #expect(target.user == "qpc")
        #expect(target.database == "fleet")
        #expect("\(target)" == "clickhouse+https://db.example:9443/fleet")
    }

    @Test(
        "What is left out is ClickHouse's own",
        arguments: [
            ("clickhouse+http://db", 8123), ("clickhouse+https://db", 8443), ("clickhouse://db", 8123),
            ("clickhouse+http://[::1]/x", 8123),
            ("clickhouse+http://db:80", 80), ("clickhouse+https://a@db:443/x", 443),
        ])
    func port(text: String, port: Int) throws {
        let target = try ShipTarget(text)
        #expect(target.address.port == port)
        #expect(target.user == (text.contains("@") ? "a" : "default"))
        #expect(target.database == (text.hasSuffix("/x") ? "x" : "default"))
    }

    @Test(
        "What is no such address is refused",
        arguments: [
            "", "db", "http://db", "clickhouse+http://", "clickhouse+ftp://db", "clickhouse+http://db:0",
            "clickhouse+http://db?x=1",
        ])
    func refused(text: String) {
        #expect(throws: ShipTarget.Problem.notAnAddress) { try ShipTarget(text) }
    }

    @Test func aPasswordInAnAddressIsRefused() {
        #expect(throws: ShipTarget.Problem.hasPassword) { try ShipTarget("clickhouse+http://a:b@db") }
        #expect(throws: ShipTarget.Problem.badDatabase("x`y")) { try ShipTarget("clickhouse+http://db/x`y") }
        #expect(throws: ShipTarget.Problem.badDatabase("x/y")) { try ShipTarget("clickhouse+http://db/x/y") }
    }
}
