import CSodium

/// Text for HTML pages.
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

    /// The source expression by which a content security policy allows an inline style.
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
