import MetricsModel
import Readings

extension CountQuestion {
    /// The name of a measure's column in JSON and CSV.
    func name(_ measure: CountMeasure) -> String {
        switch measure {
        case .events where isAboutWaiting: "messages"
        case .first where isAboutWaiting: "waiting_since"
        case .sum: sum?.rawValue ?? measure.rawValue
        case .max: "max_" + (max?.rawValue ?? "")
        case .distinct: distinct?.plural ?? measure.rawValue
        case .earlierSum: (sum?.rawValue ?? "sum") + "_before"
        case .events, .first, .last, .failed, .ok, .failedBeforeOK, .earlierEvents: measure.rawValue
        }
    }

    /// Whether a measure's number is a size in bytes.
    func isSize(_ measure: CountMeasure) -> Bool {
        switch measure {
        case .sum, .earlierSum: sum == .bytes
        case .max: max == .bytes
        default: false
        }
    }
}

extension CountField {
    /// The kind of name, if its groups are people, whose real names may be known; otherwise nil.
    var people: NameKind? {
        switch self {
        case .user: .user
        case .sender, .recipient, .identity: .identity
        default: nil
        }
    }

    func name(of key: CountAnswer.Key, _ names: PeopleNames?) -> [UInt8]? {
        guard case .name(let shown) = key else { return nil }
        return names?.name(of: shown, people)
    }
}

enum Weekday {
    static let names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

    /// - Parameter number: 0 for Monday.
    static func name(_ number: Int) -> String { names.indices.contains(number) ? names[number] : "-" }
}
