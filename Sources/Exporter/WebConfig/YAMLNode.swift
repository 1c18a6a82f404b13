import CYAML

/// A YAML document as a tree. Parsed by libyaml; Yams would pull all of Foundation into a program that starts in milliseconds.
indirect enum YAMLNode {
    /// `isQuoted` tells `"true"` from `true`.
    case scalar(String, isQuoted: Bool, line: Int)
    case list([YAMLNode], line: Int)
    case map([(key: String, value: YAMLNode)], line: Int)

    var line: Int {
        switch self {
        case .scalar(_, _, let line), .list(_, let line), .map(_, let line): line
        }
    }

    /// `key:` with nothing after it.
    var isNull: Bool {
        if case .scalar(let text, false, _) = self { return ["", "~", "null", "Null", "NULL"].contains(text) }
        return false
    }

    /// Nil for an empty document.
    /// - Throws: `YAMLError`.
    static func parse(_ bytes: [UInt8]) throws(YAMLError) -> YAMLNode? {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) != 0 else { throw YAMLError(line: 1, problem: "out of memory") }
        defer { yaml_parser_delete(&parser) }
        return try parse(&parser, bytes)
    }

    private static func parse(_ parser: inout yaml_parser_t, _ bytes: [UInt8]) throws(YAMLError) -> YAMLNode? {
        var document = yaml_document_t()
        var isLoaded = false
        var failure: YAMLError?
        var node: YAMLNode?
        bytes.withUnsafeBufferPointer { input in
            yaml_parser_set_input_string(&parser, input.baseAddress, input.count)
            isLoaded = yaml_parser_load(&parser, &document) != 0
            guard isLoaded else {
                let problem = parser.problem.map { String(cString: $0) } ?? "the file cannot be parsed"
                let mark = parser.problem_mark.line
                failure = YAMLError(line: Int(mark) + 1, problem: problem)
                return
            }
            var tree = YAMLTree(document: document)
            do throws(YAMLError) {
                node = try tree.root()
                document = tree.document
            } catch {
                failure = error
            }
        }
        if isLoaded { yaml_document_delete(&document) }
        if let failure { throw failure }
        return node
    }
}

struct YAMLError: Error {
    var line: Int
    var problem: String
}

/// Turns libyaml's document into a tree, within limits: aliases can expand a small text into a huge tree.
private struct YAMLTree {
    var document: yaml_document_t
    private var nodesLeft = 10_000

    init(document: yaml_document_t) { self.document = document }

    mutating func root() throws(YAMLError) -> YAMLNode? {
        guard let root = yaml_document_get_root_node(&document) else { return nil }
        return try node(root, depth: 0)
    }

    private mutating func node(_ pointer: UnsafeMutablePointer<yaml_node_t>, depth: Int) throws(YAMLError) -> YAMLNode {
        let raw = pointer.pointee
        let line = Int(raw.start_mark.line) + 1
        nodesLeft -= 1
        guard depth < 16, nodesLeft > 0 else { throw YAMLError(line: line, problem: "it is too large or nested too deeply") }
        switch raw.type {
        case YAML_SCALAR_NODE:
            let bytes = UnsafeBufferPointer(start: raw.data.scalar.value, count: raw.data.scalar.length)
            return .scalar(
                String(decoding: bytes, as: UTF8.self), isQuoted: raw.data.scalar.style != YAML_PLAIN_SCALAR_STYLE,
                line: line)
        case YAML_SEQUENCE_NODE:
            var items: [YAMLNode] = []
            var item = raw.data.sequence.items.start
            while let at = item, at < raw.data.sequence.items.top {
                items.append(try child(at.pointee, depth, line))
                item = at + 1
            }
            return .list(items, line: line)
        case YAML_MAPPING_NODE:
            var pairs: [(key: String, value: YAMLNode)] = []
            var pair = raw.data.mapping.pairs.start
            while let at = pair, at < raw.data.mapping.pairs.top {
                guard case .scalar(let key, _, let keyLine) = try child(at.pointee.key, depth, line) else {
                    throw YAMLError(line: line, problem: "a key must be a string")
                }
                guard !pairs.contains(where: { $0.key == key }) else {
                    throw YAMLError(line: keyLine, problem: "duplicate key \(key)")
                }
                pairs.append((key, try child(at.pointee.value, depth, line)))
                pair = at + 1
            }
            return .map(pairs, line: line)
        default: throw YAMLError(line: line, problem: "the document is incomplete")
        }
    }

    private mutating func child(_ index: Int32, _ depth: Int, _ line: Int) throws(YAMLError) -> YAMLNode {
        guard let pointer = yaml_document_get_node(&document, index) else {
            throw YAMLError(line: line, problem: "the document is incomplete")
        }
        return try node(pointer, depth: depth + 1)
    }
}
