internal import CTensorFerryZlib

package enum ZlibLibrary {
  /// The version of zlib that this process runs, for example `1.2.13`.
  package static var version: String { String(cString: zlibVersion()) }
}
