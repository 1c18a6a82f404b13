import Foundation
import TestSupport
import Testing

/// What people see on terminals of 80, 100, 120 and 200 columns: golden files of the demo's night. After an intended change, run
/// with `UPDATE_GOLDENS=1`, and read what changed.
@Suite(.serialized) struct ScreenWidthTests {
    private static let night = Result { try DemoNight() }
    private static let commands = [
        "stats --names users.txt", "stats --failed --since -1h --by minute --top 3", "stats --user alice --since -7d",
        "events -n 12 --names users.txt", "events --failed -n 3", "events --user alice --login-only -n 4 -r",
        "count --failed --by user,class --top 5 --last --names users.txt", "count --by weekday,hour_of_day --sort events --top 5",
        "count --failed --by user,class --top 3 --first --last --names users.txt", "count --by recipient --waiting --top 3",
        "count --kind message_enqueue --since today --by hour --beside 7d",
    ]

    @Test("Screens fit, and are as they were", arguments: [80, 100, 120, 200])
    func screens(columns: Int) throws {
        let night = try Self.night.get()
        var all = ""
        for command in Self.commands {
            let outcome = try night.ask("qpc-metrics \(command)", columns: columns)
            #expect(outcome.status == 0, "\(command): \(outcome.text)")
            let text = outcome.text.replacing("\r\n", with: "\n")
            for line in text.split(separator: "\n") where line.unicodeScalars.count > columns {
                Issue.record("\(columns): \(line)")
            }
            all += "$ qpc-metrics \(command)\n\(text)\n"
        }
        let golden = BuiltProducts.packageRoot + "/Tests/CommandTests/Goldens/screens-\(columns).txt"
        if BuiltProducts.setting("UPDATE_GOLDENS") != nil { try overwrite(golden, with: Array(all.utf8)) }
        let expected = String(decoding: try read(golden), as: UTF8.self)
        for (found, wanted) in zip(all.split(separator: "\n"), expected.split(separator: "\n")) where found != wanted {
            Issue.record("\(columns): \(found) for \(wanted)")
        }
        #expect(all == expected)
    }
}
