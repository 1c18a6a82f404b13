import CSodium
import MetricsModel

/// Text as it stands in a page.
enum HTMLText {
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// `1,234,567`
    static func grouped(_ value: UInt64) -> String {
        let digits = Array(String(value))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }

    /// Three digits that say something: `0.042`, `4.25`, `1,234`.
    static func number(_ value: Double) -> String {
        if value >= 100 || value == value.rounded() { return grouped(UInt64(saturating: value.rounded())) }
        let decimals = value >= 10 ? 1 : value >= 1 ? 2 : 3
        let scale = decimals == 1 ? 10.0 : decimals == 2 ? 100 : 1000
        let scaled = UInt64(saturating: (value * scale).rounded())
        let fraction = String(scaled % UInt64(scale))
        let text = "\(scaled / UInt64(scale))." + String(repeating: "0", count: decimals - fraction.count) + fraction
        return scaled == 0 ? "under 0.001" : text
    }

    static func bytes(_ value: UInt64) -> String {
        var size = Double(value)
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if size < 1024 { return "\(number((size * 10).rounded() / 10)) \(unit)" }
            size /= 1024
        }
        return "\(number((size * 10).rounded() / 10)) TiB"
    }

    /// `3 days 4 h`, `12 min`, `5 s`
    static func duration(seconds: UInt64) -> String {
        switch seconds {
        case 172_800...: "\(seconds / 86_400) days \(seconds % 86_400 / 3600) h"
        case 7200...: "\(seconds / 3600) h \(seconds % 3600 / 60) min"
        case 120...: "\(seconds / 60) min"
        default: "\(seconds) s"
        }
    }

    /// What a content security policy names an inline style by.
    static func policyHash(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var hash = [UInt8](repeating: 0, count: Int(crypto_hash_sha256_BYTES))
        _ = crypto_hash_sha256(&hash, bytes, UInt64(bytes.count))
        var encoded = [CChar](repeating: 0, count: 64)
        sodium_bin2base64(&encoded, encoded.count, hash, hash.count, sodium_base64_VARIANT_ORIGINAL)
        let base64 = encoded.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return "'sha256-\(String(decoding: base64, as: UTF8.self))'"
    }
}
