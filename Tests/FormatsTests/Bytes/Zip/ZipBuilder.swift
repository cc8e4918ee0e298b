/// Python code that builds zip archives byte by byte, so that each of their fields can lie.
enum ZipBuilder {
  static let python = """
    import struct, zlib

    NPY = (b'\\x93NUMPY\\x01\\x00' + struct.pack('<H', 70)
        + b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }".ljust(69) + b'\\n' + struct.pack('<6f', *range(6)))
    CRC = zlib.crc32(NPY)
    SIZE = len(NPY)
    MAX = 2**32 - 1

    def deflated(data):
        stream = zlib.compressobj(wbits=-15)
        return stream.compress(data) + stream.flush()

    def member(name=b'a.npy', data=NPY, method=0, raw=None, flags=0, local={}, central={}, tail=b''):
        raw = raw if raw is not None else deflated(data) if method == 8 else data
        fields = dict(signature=0x04034b50, flags=flags, method=method, crc=zlib.crc32(data), csize=len(raw),
            usize=len(data), name=name, extra=b'')
        return fields | local, fields | dict(disk=0, comment=b'') | central, raw + tail

    def build(*members, prefix=b'', shift=0, comment=b'', end={}, wide=None, behind=b''):
        out, directory = prefix, b''
        for l, c, data in members:
            offset = c.get('offset', len(out) - shift)
            out += struct.pack('<IHHHHHIIIHH', l['signature'], 20, l['flags'], l['method'], 0, 33, l['crc'], l['csize'],
                l['usize'], len(l['name']), len(l['extra'])) + l['name'] + l['extra'] + data
            directory += struct.pack('<IHHHHHHIIIHHHHHII', 0x02014b50, 20, 20, c['flags'], c['method'], 0, 33, c['crc'],
                c['csize'], c['usize'], len(c['name']), len(c['extra']), len(c['comment']), c['disk'], 0, 0, offset)
            directory += c['name'] + c['extra'] + c['comment']
        directory += behind
        start = len(out) - shift
        e = dict(disk=0, first=0, here=len(members), count=len(members), size=len(directory), offset=start,
            comment=len(comment)) | end
        out += directory
        if wide is not None:
            w = dict(size=44, disk=0, first=0, here=len(members), count=len(members), bytes=len(directory), offset=start,
                at=len(out), disks=1) | wide
            out += struct.pack('<IQHHIIQQQQ', 0x06064b50, w['size'], 45, 45, w['disk'], w['first'], w['here'], w['count'],
                w['bytes'], w['offset']) + struct.pack('<IIQI', 0x07064b50, 0, w['at'], w['disks'])
        return out + record(**e) + comment

    def record(disk=0, first=0, here=0, count=0, size=0, offset=0, comment=0):
        return struct.pack('<IHHHHIIH', 0x06054b50, disk, first, here, count, size, offset, comment)

    def wide(*values):
        return struct.pack(f'<HH{len(values)}Q', 1, 8 * len(values), *values)

    def unicode_name(name):
        return struct.pack('<HHBI', 0x7075, 5 + len(name), 1, 0) + name

    def descriptor(kind, csize=SIZE, usize=SIZE, crc=CRC):
        return struct.pack('<' + kind, *([0x08074b50] if len(kind) == 4 else []), crc, csize, usize)

    UNKNOWN = dict(crc=0, csize=0, usize=0)

    """
}
