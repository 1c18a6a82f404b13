import Foundation
import TestSupport
import Testing

/// Pages that show what commands print show what they do print. After an intended change, run with `UPDATE_GOLDENS=1`, and read
/// what changed.
@Suite(.serialized) struct PrintedPagesTests {
    private static let fixture = Result { try DemoNight() }

    /// The page with the output of its commands: in a block of ```console, a line that begins with `$` and those it continues on.
    private func printed(_ page: String) throws -> (text: String, commands: Int) {
        let fixture = try Self.fixture.get()
        var (lines, commands, isInside): ([Substring], Int, Bool) = ([], 0, false)
        var command: String?
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            if !isInside || line.hasPrefix("```") {
                isInside = line == "```console"
                lines.append(line)
            } else if command != nil || line.hasPrefix("$ ") {
                lines.append(line)
                let part = command == nil ? line.dropFirst(2) : line
                guard !part.hasSuffix("\\") else {
                    command = (command ?? "") + part.dropLast()
                    continue
                }
                let outcome = try fixture.ask((command ?? "") + part)
                #expect(outcome.status == 0, "\(part): \(outcome.text)")
                lines += outcome.text.replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false)
                    .dropLast()
                command = nil
                commands += 1
            }
        }
        return (lines.joined(separator: "\n"), commands)
    }

    @Test("What a page says a command prints", arguments: [("docs/QUESTIONS.md", 24), ("README.md", 2)])
    func pages(name: String, atLeast count: Int) throws {
        let path = BuiltProducts.packageRoot + "/" + name
        let page = String(decoding: try read(path), as: UTF8.self)
        let (text, commands) = try printed(page)
        #expect(commands >= count, "\(commands)")
        if BuiltProducts.setting("UPDATE_GOLDENS") != nil { return try overwrite(path, with: Array(text.utf8)) }
        for (found, wanted) in zip(text.split(separator: "\n"), page.split(separator: "\n")) where found != wanted {
            Issue.record("\(name): \(found) for \(wanted)")
        }
        #expect(text == page, "\(name)")
    }
}
