/// Sample lines, which both formats write the same way except for bounds.
struct SampleText {
    var bytes: [UInt8] = []
    /// How the label `le` is written.
    private let boundStyle: DecimalText.Style

    init(boundStyle: DecimalText.Style) {
        self.boundStyle = boundStyle
        bytes.reserveCapacity(32 * 1024)
    }

    mutating func append(_ text: String) { bytes += text.utf8 }

    /// `name{labels} value`, for a value that is not a histogram.
    mutating func appendSample(_ name: String, _ sample: ExpositionSample) {
        appendName(name, sample.labels)
        switch sample.value {
        case .integer(let value): append(String(value))
        case .number(let value): append(number: value)
        case .histogram: preconditionFailure("a histogram in a family of another type")
        }
        append("\n")
    }

    /// The buckets, `_sum` and `_count` of a histogram.
    mutating func appendHistogram(_ name: String, _ sample: ExpositionSample) {
        guard case .histogram(let histogram) = sample.value else {
            preconditionFailure("a plain value in a histogram")
        }
        var cumulative: UInt64 = 0
        for (index, count) in histogram.counts.enumerated() {
            cumulative &+= count
            var bound: [UInt8] = []
            if index < histogram.bounds.count {
                DecimalText(histogram.bounds[index], dividedBy: histogram.scale)
                    .append(to: &bound, boundStyle)
            } else {
                bound += "+Inf".utf8
            }
            appendName(
                name + "_bucket", sample.labels + [("le", String(decoding: bound, as: UTF8.self))])
            append("\(cumulative)\n")
        }
        appendName(name + "_sum", sample.labels)
        DecimalText(histogram.sum, dividedBy: histogram.scale).append(to: &bytes, .plain)
        append("\n")
        appendName(name + "_count", sample.labels)
        append("\(cumulative)\n")
    }

    /// `name{labels} seconds`, for a time given in nanoseconds since 1970.
    mutating func appendMoment(
        _ name: String, _ labels: [(name: String, value: String)], nanoseconds: UInt64
    ) {
        appendName(name, labels)
        DecimalText(nanoseconds, dividedBy: 1e9).append(to: &bytes, .plain)
        append("\n")
    }

    /// A text with backslashes, line breaks and optionally quotes escaped.
    mutating func appendEscaped(_ text: String, quotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case 0x5C: append("\\\\")
            case 0x0A: append("\\n")
            case 0x22 where quotes: append("\\\"")
            default: bytes.append(byte)
            }
        }
    }

    mutating func appendName(_ name: String, _ labels: [(name: String, value: String)]) {
        append(name)
        for (index, label) in labels.enumerated() {
            append(index == 0 ? "{" : ",")
            append(label.name)
            append("=\"")
            appendEscaped(label.value, quotes: true)
            append("\"")
        }
        append(labels.isEmpty ? " " : "} ")
    }

    private mutating func append(number value: Double) {
        if value.isNaN {
            append("NaN")
        } else if value.isInfinite {
            append(value < 0 ? "-Inf" : "+Inf")
        } else {
            DecimalText(finite: value).append(to: &bytes, .plain)
        }
    }
}
