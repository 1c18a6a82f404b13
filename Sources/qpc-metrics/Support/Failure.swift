import EventLog
import Glibc
import MetricsQuery
import Pseudonyms
import Terminal

/// An error that ends the program: one line for people, one number for scripts (sysexits.h).
struct Failure: Error {
    static let somethingWrong: Int32 = 1
    static let usage: Int32 = 64
    static let noInput: Int32 = 66
    static let unavailable: Int32 = 69
    static let noPermission: Int32 = 77

    var code: Int32
    var message: String

    init(_ code: Int32, _ message: String) {
        self.code = code
        self.message = message
    }

    init(_ error: DataSourceError) {
        switch error {
        case .nothingThere(let directory):
            // The absolute path, since a relative one may have been looked up in a different place than was meant.
            let absolute = DataSourceError.nothingThere(directory: Environment.absolute(directory))
            self.init(Failure.noInput, absolute.message)
        case .noPermission: self.init(Failure.noPermission, error.message)
        case .key(.wrongOperator): self.init(Failure.noPermission, error.message)
        case .log, .live, .key: self.init(Failure.somethingWrong, error.message)
        }
    }

    /// Of somebody who wanted to write: whoever may not, learns who may.
    static func ofWriting(_ code: Int32, _ message: String) -> Failure {
        Failure(code, code == noPermission ? message + "; run this as the server's user or root" : message)
    }

    func end() -> Never {
        if !message.isEmpty { Notice.say(message) }
        exit(code)
    }
}

/// Writes to standard output; ends the program if the reader has gone.
func printing(_ body: () throws(OutputError) -> Void) throws {
    do {
        try body()
    } catch .readerGone {
        BrokenPipe.end()
    } catch {
        throw Failure(Failure.somethingWrong, error.description)
    }
}

/// Runs a query and gives its errors their exit codes.
func querying<Result>(_ body: () throws(DataSourceError) -> Result) throws -> Result {
    do { return try body() } catch { throw Failure(error) }
}

/// The same for a query of an open log.
func queryingLog<Result: ~Copyable>(_ body: () throws(LogError) -> Result) throws -> Result {
    do { return try body() } catch { throw Failure(DataSourceError.log(error)) }
}
