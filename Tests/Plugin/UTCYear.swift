import Glibc

/// The year as it appears in a time.
enum UTCYear {
    static var now: String {
        var seconds = time(nil)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return "\(parts.tm_year + 1900)"
    }
}
