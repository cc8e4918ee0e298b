import Foundation
import TensorFerryFormats
import TensorFerryTestSupport
import Testing

@Suite struct ZipAttackTests {
  static let ends: [Attack] = [
    Attack("ZP00 a plain archive", "build(member())", "ok"),
    Attack("ZP01 no end record", "build(member())[:-22]"),
    Attack("ZP02 two end records that both reach the end", "build(member(), comment=record())"),
    Attack("ZP03 an end record in the comment", "build(member(), comment=b'x' + record() + b'yy')"),
    Attack(
      "ZP03 the start of an end record at the end of the comment", "build(member(), comment=b'x' * 30 + b'PK\\5\\6')"),
    Attack("ZP04 a comment", "build(member(), comment=b'trained on Tuesday')", "ok"),
    Attack("ZP04 a comment said to be longer", "build(member(), comment=b'abc', end=dict(comment=5))"),
    Attack("ZP04 a comment said to be shorter", "build(member(), comment=b'abc', end=dict(comment=1))"),
    Attack("ZP05 bytes before the archive", "build(member(), prefix=b'#!/bin/sh', shift=9)"),
    Attack("ZP05 bytes before the first member", "build(member(), prefix=b'#!/bin/sh')"),
    Attack("ZP05 bytes between members", "build(member(tail=b'hidden'), member(b'b.npy'))"),
    Attack("ZP05 bytes between members and directory", "build(member(tail=b'hidden'))"),
    Attack("ZP06 directory offset too small", "build(member(), end=dict(offset=3))"),
    Attack("ZP06 directory offset behind the end", "build(member(), end=dict(offset=2**31))"),
    Attack("ZP06 directory size too large", "build(member(), end=dict(size=2**31))"),
    Attack("ZP06 directory size too small", "build(member(), end=dict(size=46))"),
    Attack("ZP07 one member more", "build(member(), end=dict(here=2, count=2))"),
    Attack("ZP07 one member less", "build(member(), member(b'b.npy'), end=dict(here=1, count=1))"),
    Attack("ZP07 65535 members", "build(member(), end=dict(here=65535, count=65535))"),
    Attack("ZP08 several disks", "build(member(), end=dict(disk=1, first=1))", "unsupported"),
    Attack("ZP08 members on other disks", "build(member(), end=dict(here=0))", "unsupported"),
    Attack("ZP08 a member on another disk", "build(member(central=dict(disk=1)))", "unsupported"),
    Attack("ZP09 the locator of 64-bit numbers missing", "build(member(), end=dict(offset=MAX))"),
    Attack("ZP09 the locator elsewhere", "build(member(), end=dict(offset=MAX), wide=dict(at=7))"),
    Attack(
      "ZP10 64-bit numbers", "build(member(), end=dict(here=65535, count=65535, size=MAX, offset=MAX), wide={})", "ok"),
    Attack("ZP10 64-bit numbers that repeat the others", "build(member(), wide={})", "ok"),
    Attack("ZP10 another count in 64 bits", "build(member(), wide=dict(here=2, count=2))"),
    Attack("ZP10 another offset in 64 bits", "build(member(), wide=dict(offset=2**40))"),
    Attack(
      "ZP10 2^64 - 1 members",
      "build(member(), end=dict(here=65535, count=65535), wide=dict(here=2**64-1, count=2**64-1))"),
    Attack("ZP10 a directory of 2^64 - 1 bytes", "build(member(), end=dict(size=MAX), wide=dict(bytes=2**64-1))"),
    Attack("ZP10 a 64-bit record with more fields", "build(member(), wide=dict(size=50))"),
    Attack("ZP10 64-bit numbers on other disks", "build(member(), wide=dict(disks=2))", "unsupported"),
    Attack(
      "ZP11 the 64-bit extra field twice",
      "build(member(central=dict(usize=MAX, extra=wide(SIZE) + wide(SIZE + 1))))"),
    Attack("ZP12 the 64-bit extra field missing", "build(member(central=dict(usize=MAX)))"),
    Attack(
      "ZP12 the 64-bit extra field too short",
      "build(member(central=dict(usize=MAX, csize=MAX, extra=wide(SIZE))))"),
    Attack("ZP12 a 64-bit extra field of 7 bytes", "build(member(central=dict(extra=b'\\1\\0\\7\\0' + bytes(7))))"),
    Attack("ZP12 a 64-bit extra field that nothing asks for", "build(member(central=dict(extra=wide(SIZE))))"),
    Attack("ZP12 an extra field that is cut off", "build(member(central=dict(extra=b'FB\\5\\0')))"),
    Attack("ZP12 a byte behind the extra fields", "build(member(central=dict(extra=b'FB\\0\\0x')))"),
    Attack("ZP38 two archives one after the other", "build(member()) + build(member())"),
    Attack("ZP38 two archives, the second with its true offsets", "build(member(), prefix=build(member()))"),
    Attack("ZP38 an archive in an archive", "build(member(), member(b'inner.npz', build(member())))", "ok"),
    Attack("ZP38 a signature behind the directory", "build(member(), behind=b'PK\\5\\5\\0\\0')"),
  ]

  static let members: [Attack] = [
    Attack("ZP13 two members with the same name", "build(member(), member())"),
    Attack("ZP14 names that differ in case are two names", "build(member(b'a.npy'), member(b'A.npy'))", "ok"),
    Attack(
      "ZP14 names that look the same",
      "build(member('\\u00e9.npy'.encode(), flags=2048), member('e\\u0301.npy'.encode(), flags=2048))"),
    Attack("ZP15 another name before the data", "build(member(local=dict(name=b'b.npy')))"),
    Attack("ZP15 a longer name before the data", "build(member(local=dict(name=b'a.npy.npy')))"),
    Attack("ZP16 another size before the data", "build(member(local=dict(usize=7)))"),
    Attack("ZP16 another stored size before the data", "build(member(local=dict(csize=7)))"),
    Attack(
      "ZP16 another 64-bit size before the data", "build(member(local=dict(usize=MAX, csize=MAX, extra=wide(SIZE, 7))))"
    ),
    Attack(
      "ZP16 the same size in 64 bits before the data",
      "build(member(local=dict(usize=MAX, csize=MAX, extra=wide(SIZE, SIZE))))", "ok"),
    Attack(
      "ZP16 a 64-bit number before the data that is none of the member's", "build(member(local=dict(extra=wide(7))))"),
    Attack("ZP17 another method before the data", "build(member(local=dict(method=8)))"),
    Attack("ZP18 another checksum before the data", "build(member(local=dict(crc=7)))"),
    Attack("ZP19 encrypted", "build(member(flags=1))", "unsupported"),
    Attack("ZP20 patched", "build(member(flags=1 << 5))", "unsupported"),
    Attack("ZP21 strongly encrypted", "build(member(flags=1 << 6))", "unsupported"),
    Attack("ZP21 with an encrypted directory", "build(member(flags=1 << 13))", "unsupported"),
    Attack("ZP21 other flags before the data", "build(member(local=dict(flags=1)))"),
    Attack("ZP22 a descriptor", "build(member(flags=8, local=UNKNOWN, tail=descriptor('IIII')))", "ok"),
    Attack(
      "ZP22 a descriptor without signature", "build(member(flags=8, local=UNKNOWN, tail=descriptor('III')))", "ok"),
    Attack("ZP22 a descriptor of 64 bits", "build(member(flags=8, local=UNKNOWN, tail=descriptor('IIQQ')))", "ok"),
    Attack(
      "ZP22 a descriptor of 64 bits without signature",
      "build(member(flags=8, local=UNKNOWN, tail=descriptor('IQQ')))", "ok"),
    Attack(
      "ZP22 a descriptor behind deflated bytes",
      "build(member(method=8, flags=8, local=UNKNOWN, tail=descriptor('IIII', len(deflated(NPY)))), member(b'b.npy'))",
      "ok"),
    Attack(
      "ZP23 a descriptor with another size", "build(member(flags=8, local=UNKNOWN, tail=descriptor('IIII', usize=7)))"),
    Attack(
      "ZP23 a descriptor with another checksum", "build(member(flags=8, local=UNKNOWN, tail=descriptor('III', crc=7)))"),
    Attack("ZP23 a descriptor of 13 bytes", "build(member(flags=8, local=UNKNOWN, tail=descriptor('III') + b'x'))"),
    Attack("ZP23 no descriptor", "build(member(flags=8, local=UNKNOWN))"),
    Attack("ZP23 a descriptor that no flag announces", "build(member(tail=descriptor('IIII')))"),
    Attack("ZP23 no sizes before the data and no descriptor announced", "build(member(local=UNKNOWN))"),
    Attack("ZP24 a name in UTF-8", "build(member('größe.npy'.encode(), flags=2048))", "ok"),
    Attack("ZP24 a name in an unknown encoding", "build(member(b'gr\\x94\\xe1e.npy'))", "unsupported"),
    Attack("ZP24 a name that is not the UTF-8 it is said to be", "build(member(b'gr\\x94\\xe1e.npy', flags=2048))"),
    Attack("ZP25 another name in an extra field", "build(member(central=dict(extra=unicode_name(b'b.npy'))))"),
    Attack(
      "ZP25 another name in an extra field before the data", "build(member(local=dict(extra=unicode_name(b'b.npy'))))"),
    Attack("ZP25 the same name in an extra field", "build(member(central=dict(extra=unicode_name(b'a.npy'))))", "ok"),
    Attack("ZP26 a wrong checksum of stored bytes", "build(member(local=dict(crc=7), central=dict(crc=7)))"),
    Attack(
      "ZP26 a wrong checksum of deflated bytes", "build(member(method=8, local=dict(crc=7), central=dict(crc=7)))"),
    Attack(
      "ZP26 a checksum of 0, as PyTorch writes it on request",
      "build(member(local=dict(crc=0), central=dict(crc=0)))", "ok"),
    Attack("ZP26 a checksum of 0 of deflated bytes", "build(member(method=8, local=dict(crc=0), central=dict(crc=0)))"),
    Attack("ZP27 two entries for one member", "build(member(), member(b'b.npy', central=dict(offset=0)))"),
    Attack(
      "ZP27 a member that holds the next one",
      "build(member(local=dict(csize=300, usize=300), central=dict(csize=300, usize=300)), member(b'b.npy', NPY * 3))"),
    Attack(
      "ZP28 a member that reaches into the directory",
      "build(member(local=dict(csize=SIZE + 9, usize=SIZE + 9), central=dict(csize=SIZE + 9, usize=SIZE + 9)))"),
    Attack(
      "ZP28 an extra field longer than all of them", "build(member(data=b'', local=dict(extra=b'FB\\x70\\0')))"),
    Attack("ZP29 a member behind the end", "build(member(central=dict(offset=10**6)))"),
    Attack(
      "ZP29 a member of 2 GiB",
      "build(member(local=dict(csize=2**31, usize=2**31), central=dict(csize=2**31, usize=2**31)))"),
    Attack(
      "ZP29 a member of 2^64 - 1 bytes",
      "build(member(central=dict(csize=MAX, usize=MAX, extra=wide(2**64-1, 2**64-1))))"),
    Attack("ZP29 a member at 2^64 - 1", "build(member(central=dict(offset=MAX, extra=wide(2**64-1))))"),
    Attack(
      "ZP30 a deflated member that is said to hold 70 MiB",
      "build(member(method=8, local=dict(usize=70 << 20), central=dict(usize=70 << 20)))"),
    Attack(
      "ZP31 a deflate stream that ends early",
      "build(member(method=8, raw=deflated(NPY[:-4])))"),
    Attack("ZP31 a deflate stream that is cut off", "build(member(method=8, raw=deflated(NPY)[:-6]))"),
    Attack("ZP31 no deflate stream", "build(member(method=8, raw=b''))"),
    Attack("ZP31 bytes that are no deflate stream", "build(member(method=8, raw=b'\\xff' * 20))"),
    Attack("ZP32 a deflate stream that gives a byte more", "build(member(method=8, raw=deflated(NPY + b'x')))"),
    Attack(
      "ZP32 a deflate stream that gives a mebibyte more", "build(member(method=8, raw=deflated(NPY + bytes(1 << 20))))"),
    Attack("ZP32 bytes behind the deflate stream", "build(member(method=8, raw=deflated(NPY) + b'more'))"),
    Attack("ZP33 stored, with two sizes", "build(member(local=dict(usize=7), central=dict(usize=7)))"),
    Attack("ZP34 deflated", "build(member(method=8))", "ok"),
    Attack("ZP35 deflate64", "build(member(method=9, raw=NPY))", "unsupported"),
    Attack("ZP35 bzip2", "build(member(method=12, raw=NPY))", "unsupported"),
    Attack("ZP35 lzma", "build(member(method=14, raw=NPY))", "unsupported"),
    Attack("ZP35 zstandard", "build(member(method=93, raw=NPY))", "unsupported"),
    Attack("ZP35 AES", "build(member(method=99, raw=NPY))", "unsupported"),
    Attack("ZP36 a name that leads upwards", "build(member(b'../x.npy'))", "refused"),
    Attack("ZP36 a name that leads upwards later", "build(member(b'a/../../x.npy'))", "refused"),
    Attack("ZP36 a name from the root", "build(member(b'/x.npy'))", "refused"),
    Attack("ZP36 a name with a drive and backslash", "build(member(b'C:\\\\x.npy'))", "refused"),
    Attack("ZP36 a name with a drive", "build(member(b'C:/x.npy'))", "refused"),
    Attack("ZP36 a name with a NUL", "build(member(b'x\\0.npy'))", "refused"),
    Attack("ZP36 a name with an empty part", "build(member(b'a//x.npy'))", "refused"),
    Attack("ZP36 an empty name", "build(member(b''))", "refused"),
    Attack("ZP36 a name of 65535 bytes", "build(member(b'x' * 65531 + b'.npy'))", "ok"),
    Attack("ZP36 a folder", "build(member(b'f/', b''), member(b'f/x.npy'))", "ok"),
    Attack("ZP36 a folder with bytes", "build(member(b'f/'))"),
  ]

  static let others: [Attack] = [
    Attack("ZP37 7z", "b'7z\\xbc\\xaf\\x27\\x1c' + bytes(40)", "unknownFormat"),
    Attack("ZP37 tar", "b'a.npy'.ljust(257, b'\\0') + b'ustar\\00000' + bytes(400)", "unknownFormat"),
    Attack("ZP37 gzip", "b'\\x1f\\x8b\\x08' + bytes(40)", "unknownFormat"),
    Attack("ZP37 rar", "b'Rar!\\x1a\\x07\\0' + bytes(40)", "unknownFormat"),
    Attack("ZP37 an empty file", "b''", "unknownFormat"),
  ]

  static let files = Result { try Attack.files(ZipBuilder.python, ends + members + others) }

  @Test("an archive whose end or directory lies is an error, or has its right value", arguments: ends)
  func end(attack: Attack) throws {
    try attack.expectOutcome(Self.files, ending: "npz", format: .npz)
  }

  @Test("an archive whose members lie is an error, or has its right value", arguments: members)
  func member(attack: Attack) throws {
    try attack.expectOutcome(Self.files, ending: "npz", format: .npz)
  }

  @Test("another container with the name of an archive is refused by its content", arguments: others)
  func other(attack: Attack) throws {
    try attack.expectOutcome(Self.files, ending: "npz", format: nil)
  }
}
