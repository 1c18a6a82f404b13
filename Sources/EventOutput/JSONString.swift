/// Text as a JSON string, for commands that write JSON of their own; events use the same escapes.
public enum JSONString {
    /// In quotes, valid and safe for a terminal whatever the bytes are.
    public static func quoted(_ utf8: [UInt8]) -> [UInt8] {
        var output = ByteBuffer(capacity: utf8.count + 16)
        output.append(0x22)
        EventJSON.appendEscaped(utf8, to: &output)
        output.append(0x22)
        return output.bytes
    }
}
