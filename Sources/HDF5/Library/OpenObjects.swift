internal import CTensorFerryHDF5

/// What this process has not given back to libhdf5, so that tests can see that nothing leaks.
package enum OpenObjects {
  /// The number of open files, groups, datasets, attributes and committed types of files below a directory.
  package static func count(below directory: String) -> Int {
    Library.call {
      let kinds = chdf5_every_object()
      let capacity = max(0, H5Fget_obj_count(Int64(kinds), kinds))
      var identifiers = [Int64](repeating: 0, count: Int(capacity))
      // Safe because the library is told the size of the array.
      let count = unsafe H5Fget_obj_ids(Int64(kinds), kinds, identifiers.count, &identifiers)
      return identifiers.prefix(max(0, Int(count))).count { identifier in
        var name = [CChar](repeating: 0, count: 4096)
        // Safe because the library is told the size of the buffer.
        let length = unsafe H5Fget_name(identifier, &name, name.count)
        guard length >= 0 else { return false }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).hasPrefix(
          directory)
      }
    }
  }

  /// The number of dataspaces, datatypes and property lists of the whole process.
  package static var transientCount: Int {
    Library.call {
      [H5I_DATASPACE, H5I_DATATYPE, H5I_GENPROP_LST].reduce(0) { sum, kind in
        var count: UInt64 = 0
        // Safe because the library fills the one number that it is given.
        _ = unsafe H5Inmembers(kind, &count)
        return sum + Int(count)
      }
    }
  }
}
