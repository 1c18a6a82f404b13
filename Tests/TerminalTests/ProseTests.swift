import Terminal
import Testing

@Suite struct ProseTests {
    @Test("Lines are broken between words", arguments: 8...40)
    func fits(columns: Int) {
        let text = "  the server died; its events were recovered: start it again"
        let wrapped = Prose.wrapped(text, columns: columns, indent: 4)
        let lines = wrapped.split(separator: "\n", omittingEmptySubsequences: false)
        // The longest word, "recovered:".
        for line in lines { #expect(line.count <= max(columns, 4 + 10), "\(line)") }
        for line in lines.dropFirst() { #expect(line.hasPrefix("    ") && line.dropFirst(4).first != " ") }
        #expect(lines[0].hasPrefix("  the"))
        #expect(wrapped.split { $0 == " " || $0 == "\n" } == text.split(separator: " "))
    }

    @Test func whatFitsAndWhatIsNoTerminalStaysAsItIs() {
        #expect(Prose.wrapped("plugin      up", columns: 14, indent: 12) == "plugin      up")
        #expect(Prose.wrapped("one two", columns: 3) == "one\ntwo")
        let long = String(repeating: "word ", count: 100)
        #expect(Prose.wrapped(long, columns: nil) == long)
        #expect(Prose.wrapped("x /a/long/path", columns: 6, indent: 2) == "x\n  /a/long/path")
    }
}
