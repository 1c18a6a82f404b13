import Terminal
import Testing

@Suite struct LayoutTests {
    private func text(_ json: JSON, isSpread: Bool = false) -> String {
        String(decoding: isSpread ? json.spread : json.line, as: UTF8.self)
    }

    @Test func jsonKeepsTheOrderAndEscapesWhatATerminalMustNotSee() {
        let json = JSON.object([
            ("z", .text("a\"\\\u{1B}\u{202E}\n")), ("a", .number(-1)), ("raw", .text([0xFF])), ("b", .bool(true)),
            ("list", .array([.number(1.5), .object([])])),
        ])
        #expect(
            text(json)
                == "{\"z\":\"a\\\"\\\\\\u001b\\u202e\\n\",\"a\":-1,\"raw\":\"\u{FFFD}\",\"b\":true,\"list\":[1.5,{}]}\n")
    }

    @Test func jsonIsSpreadOverLinesDownToTheElementsOfArrays() {
        let json = JSON.object([
            ("a", .object([("b", .array([.number(1)]))])), ("c", .array([.number(1), .number(2)])), ("d", .array([])),
        ])
        #expect(text(json, isSpread: true) == "{\n \"a\":{\"b\":[1]},\n \"c\":[\n  1,\n  2\n ],\n \"d\":[]\n}\n")
    }

    @Test(arguments: [(0.0, "0"), (2, "2"), (0.1234567, "0.123457"), (.nan, "0"), (1e300, "0")])
    func jsonNumbersHaveAtMostSixDecimals(value: Double, text: String) { #expect(JSON.plainNumber(value) == text) }

    @Test func secondsHaveThreeDecimals() {
        #expect(text(.seconds(nanoseconds: 1_005_999_999)) == "1.005\n")
    }

    @Test func aTableAlignsTextNumbersAndTheTextAtItsEnd() {
        var table = Table(header: ["name", "n", "about"], textColumnsAtEnd: 1)
        table.add(["é", "1,000", "x"])
        #expect(table.text == "name      n  about\né     1,000  x\n")
    }

    @Test func tablesStandSideBySideWhereTheyFit() {
        var left = Table("left")
        left.add(["a", "1"])
        var right = Table("right")
        right.add(["b", "2"])
        func lines(_ width: Int) -> String {
            let output = OutputBuffer(keepingForTerminal: false)
            Table.write([left, right], width: width, into: &output.pending, usesColor: false)
            return String(decoding: output.bytes, as: UTF8.self)
        }
        #expect(lines(13) == "\nleft    right\na  1    b  2\n")
        #expect(lines(12) == "\nleft\na  1\n\nright\nb  2\n")
    }

    @Test func aCellIsAsWideAsATerminalShowsIt() {
        #expect(Cell(escaping: Array("日本".utf8)).columns == 4)
        #expect(Cell(escaping: Array("a\u{1B}".utf8)).columns == 5)
        let key = Array(String(repeating: "0a", count: 32).utf8)
        #expect(Cell(identity: key, isFull: false).columns == 13 && Cell(identity: key, isFull: true).columns == 64)
        #expect(VisibleText.escaped("back\\slash\t\u{202E}") == "back\\\\slash\\t\\u{202e}")
        #expect(VisibleText.escaped("long text", limit: 5) == "long…")
    }

    @Test func stylesAreThePalettes() {
        #expect("\(Style.bad.sequence(.color))" == "\u{1B}[31m" && "\(Style.bad.sequence(.weight))" == "\u{1B}[1m")
        #expect("\(Style.good.sequence(.weight))" == "" && "\(Style.heading.sequence(.none))" == "")
    }
}
