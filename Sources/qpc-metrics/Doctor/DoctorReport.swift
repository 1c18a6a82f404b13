import Doctor
import Terminal

/// The checks for people, and as one JSON object for programs.
struct DoctorReport {
    let checks: [Check]

    private func count(_ result: Check.Result) -> Int { checks.filter { $0.result == result }.count }
    var hasFailed: Bool { count(.failure) > 0 }

    /// A line for each check, and one for its remedy.
    func text(_ palette: Palette) -> String {
        let width = checks.map(\.name.count).max() ?? 0
        let resultWidth = Check.Result.allCases.map(\.rawValue.count).max() ?? 0
        var text = ""
        for check in checks {
            let result = Self.padded(check.result.rawValue, resultWidth)
            text += Self.styled(result, Self.style(check.result), palette)
            text += "  \(Self.padded(check.name, width))  \(Self.line(check.found))\n"
            if let remedy = check.remedy {
                text += String(repeating: " ", count: resultWidth + width + 4) + "fix: \(Self.line(remedy))\n"
            }
        }
        let numbers = [
            "\(count(.ok)) ok", Quantity.count(UInt64(count(.warning)), "warning"),
            Quantity.count(UInt64(count(.failure)), "failure"),
        ]
        return text + numbers.joined(separator: ", ") + "\n"
    }

    /// `{"ok":…,"failures":…,"warnings":…,"checks":[{"check","result","found","remedy"}]}`
    var json: [UInt8] {
        let list = checks.map { check in
            JSON.object(
                [("check", .text(check.name)), ("result", .text(check.result.rawValue)), ("found", .text(check.found))]
                    + (check.remedy.map { [("remedy", .text($0))] } ?? []))
        }
        return JSON.object([
            ("ok", .bool(!hasFailed)), ("failures", .number(count(.failure))), ("warnings", .number(count(.warning))),
            ("checks", .array(list)),
        ]).spread
    }

    private static func style(_ result: Check.Result) -> Style {
        switch result {
        case .ok: .good
        case .warning: .heading
        case .failure: .bad
        }
    }

    private static func styled(_ text: String, _ style: Style, _ palette: Palette) -> String {
        let sequence = "\(style.sequence(palette))"
        return sequence.isEmpty ? text : sequence + text + "\(Style.end)"
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// Without anything in a file name or another program's output that could affect the terminal.
    private static func line(_ text: String) -> String { VisibleText.escaped(text) }
}
