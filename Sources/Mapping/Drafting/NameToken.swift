/// A piece of a parameter's name: `encoder.layer.0.attention.q_proj` is `encoder layer 0 attention q proj`.
enum NameToken: Hashable {
  case word(String)
  case number(Int)

  var word: String? { if case .word(let word) = self { word } else { nil } }
  var number: Int? { if case .number(let number) = self { number } else { nil } }

  /// The tokens of a name, component by component.
  ///
  /// Components end at `.`, `/` and `:`; pieces at `_`, `-`, spaces and where the case rises (`LayerNorm`). A number
  /// behind letters is a token (`norm1`); letters and digits mixed in any other way are one word (`4h`, `a7f3`),
  /// since cutting an opaque name makes words of it that nobody wrote.
  static func components(of name: String) -> [[NameToken]] {
    let components = name.split { "./:".contains($0) }.map(String.init)
    // TensorFlow's `kernel:0`.
    let named = name.contains(":") && components.count > 1 && Int(components[components.count - 1]) != nil
    return (named ? components.dropLast() : components[...]).map { component in
      component.split { "_- ".contains($0) }.flatMap { pieces(String($0)) }
    }
  }

  private static func pieces(_ text: String) -> [NameToken] {
    if let number = Int(text), number >= 0 { return [.number(number)] }
    let letters = text.prefix { !$0.isNumber }
    let digits = text.dropFirst(letters.count)
    if let number = Int(digits), number >= 0 {
      return camelCase(letters).map { .word($0) } + [.number(number)]
    }
    guard digits.isEmpty else { return [.word(text.lowercased())] }
    return camelCase(letters).map { .word($0) }
  }

  private static func camelCase(_ text: Substring) -> [String] {
    var runs: [String] = []
    var previous: Character?
    let characters = Array(text)
    for (index, character) in characters.enumerated() {
      let next = index + 1 < characters.count ? characters[index + 1] : nil
      // A capital begins a word after a small letter, or before one: `selfAttn`, `MHABlock`.
      let begins = character.isUppercase && (previous?.isLowercase == true || next?.isLowercase == true)
      if begins || runs.isEmpty { runs.append("") }
      runs[runs.count - 1] += character.lowercased()
      previous = character
    }
    return runs.flatMap(Vocabulary.words(of:))
  }
}
