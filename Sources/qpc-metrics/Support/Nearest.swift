/// The word that was probably meant.
enum Nearest {
    /// The nearest of some words: one that begins with what was typed, or that is only a few typos away; nil if none is near.
    static func word(to typed: String, among words: [String]) -> String? {
        let typed = Array(typed.lowercased().utf8)
        guard typed.count >= 2 else { return nil }
        let beginning = words.filter { $0.utf8.starts(with: typed) }
        if beginning.count == 1 { return beginning[0] }
        // One typo in a short word, two in one of six letters, three in one of nine.
        let limit = max(1, typed.count / 3)
        let near = words.map { (word: $0, slips: slips(typed, Array($0.utf8))) }.min { $0.slips < $1.slips }
        return near.flatMap { $0.slips <= limit ? $0.word : nil }
    }

    /// Letters omitted, inserted, changed or transposed: the optimal string alignment distance.
    static func slips(_ first: [UInt8], _ second: [UInt8]) -> Int {
        var rows = [Array(0...second.count)]
        for (i, letter) in first.enumerated() {
            var row = [i + 1]
            for (j, other) in second.enumerated() {
                var best = min(rows[i][j] + (letter == other ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, letter == second[j - 1], first[i - 1] == other { best = min(best, rows[i - 1][j - 1] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[first.count][second.count]
    }
}
