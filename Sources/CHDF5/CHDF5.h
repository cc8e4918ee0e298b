// Access to what Swift cannot import from hdf5.h: macros, globals behind macros, and functions whose names or structs
// differ between HDF5 1.10 and 2.0. Addresses and sizes are uint64_t whatever the version calls them.
#ifndef TENSORFERRY_CHDF5_H
#define TENSORFERRY_CHDF5_H

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

// Identifiers and flags that hdf5.h defines as macros.

static inline hid_t chdf5_default(void) { return H5P_DEFAULT; }
static inline hid_t chdf5_all(void) { return H5S_ALL; }
static inline hid_t chdf5_error_stack(void) { return H5E_DEFAULT; }

static inline hid_t chdf5_class_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t chdf5_class_file_creation(void) { return H5P_FILE_CREATE; }
static inline hid_t chdf5_class_group_creation(void) { return H5P_GROUP_CREATE; }
static inline hid_t chdf5_class_dataset_creation(void) { return H5P_DATASET_CREATE; }
static inline hid_t chdf5_class_link_creation(void) { return H5P_LINK_CREATE; }
static inline hid_t chdf5_class_attribute_creation(void) { return H5P_ATTRIBUTE_CREATE; }

static inline hid_t chdf5_f32le(void) { return H5T_IEEE_F32LE; }
static inline hid_t chdf5_f64le(void) { return H5T_IEEE_F64LE; }
static inline hid_t chdf5_i8le(void) { return H5T_STD_I8LE; }
static inline hid_t chdf5_i16le(void) { return H5T_STD_I16LE; }
static inline hid_t chdf5_i32le(void) { return H5T_STD_I32LE; }
static inline hid_t chdf5_i64le(void) { return H5T_STD_I64LE; }
static inline hid_t chdf5_u8le(void) { return H5T_STD_U8LE; }
static inline hid_t chdf5_u16le(void) { return H5T_STD_U16LE; }
static inline hid_t chdf5_u32le(void) { return H5T_STD_U32LE; }
static inline hid_t chdf5_u64le(void) { return H5T_STD_U64LE; }
static inline hid_t chdf5_c_string(void) { return H5T_C_S1; }
static inline uint64_t chdf5_variable_length(void) { return H5T_VARIABLE; }

static inline uint32_t chdf5_read_only(void) { return H5F_ACC_RDONLY; }
static inline uint32_t chdf5_read_write(void) { return H5F_ACC_RDWR; }
static inline uint32_t chdf5_exclusive(void) { return H5F_ACC_EXCL; }
static inline uint32_t chdf5_truncate(void) { return H5F_ACC_TRUNC; }
static inline uint32_t chdf5_tracked_order(void) { return H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED; }
static inline uint32_t chdf5_order_is_tracked(void) { return H5P_CRT_ORDER_TRACKED; }
static inline uint32_t chdf5_partial_chunks_unfiltered(void) { return H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS; }
static inline uint64_t chdf5_unlimited(void) { return H5S_UNLIMITED; }
static inline uint64_t chdf5_undefined_address(void) { return (uint64_t)HADDR_UNDEF; }
static inline uint32_t chdf5_every_object(void) { return H5F_OBJ_ALL; }
static inline int32_t chdf5_latest_version(void) { return H5F_LIBVER_LATEST; }

// Addresses and sizes, whose C types differ between versions.

static inline uint64_t chdf5_dataset_offset(hid_t dataset) { return (uint64_t)H5Dget_offset(dataset); }
static inline uint64_t chdf5_dataset_storage_size(hid_t dataset) { return (uint64_t)H5Dget_storage_size(dataset); }

struct chdf5_chunk {
  int32_t status;
  uint32_t filter_mask;
  uint64_t address;
  uint64_t size;
};

// The mask is initialised because the library leaves it alone for a chunk that is not stored.
static inline struct chdf5_chunk chdf5_chunk_at(hid_t dataset, const hsize_t *offset) {
  unsigned mask = 0;
  haddr_t address = HADDR_UNDEF;
  hsize_t size = 0;
  herr_t status = H5Dget_chunk_info_by_coord(dataset, offset, &mask, &address, &size);
  struct chdf5_chunk chunk = {status, mask, (uint64_t)address, (uint64_t)size};
  return chunk;
}

// Objects: H5Oget_info has three structs, and from 1.12 on an object is named by a token instead of an address.

struct chdf5_object {
  int32_t status;
  uint64_t file;
  uint64_t address;
};

static inline struct chdf5_object chdf5_object_identity(hid_t identifier) {
  struct chdf5_object object = {-1, 0, 0};
#if H5_VERSION_GE(1, 12, 0)
  H5O_info2_t info;
  haddr_t address = HADDR_UNDEF;
  object.status = H5Oget_info3(identifier, &info, H5O_INFO_BASIC);
  if (object.status >= 0) object.status = H5VLnative_token_to_addr(identifier, info.token, &address);
#else
  H5O_info_t info;
  object.status = H5Oget_info2(identifier, &info, H5O_INFO_BASIC);
  haddr_t address = info.addr;
#endif
  if (object.status >= 0) {
    object.file = (uint64_t)info.fileno;
    object.address = (uint64_t)address;
  }
  return object;
}

// Links: H5Literate and H5Lget_info were renamed together with their structs.

enum chdf5_link_kind { CHDF5_LINK_HARD, CHDF5_LINK_SOFT, CHDF5_LINK_EXTERNAL, CHDF5_LINK_OTHER };

struct chdf5_link_visit {
  void (*body)(void *context, const char *name, int32_t kind);
  void *context;
};

static inline int32_t chdf5_link_kind_of(H5L_type_t type) {
  return type == H5L_TYPE_HARD       ? CHDF5_LINK_HARD
         : type == H5L_TYPE_SOFT     ? CHDF5_LINK_SOFT
         : type == H5L_TYPE_EXTERNAL ? CHDF5_LINK_EXTERNAL
                                     : CHDF5_LINK_OTHER;
}

#if H5_VERSION_GE(1, 12, 0)
static inline herr_t chdf5_visit_link(hid_t group, const char *name, const H5L_info2_t *info, void *visit) {
#else
static inline herr_t chdf5_visit_link(hid_t group, const char *name, const H5L_info_t *info, void *visit) {
#endif
  (void)group;
  struct chdf5_link_visit *link_visit = (struct chdf5_link_visit *)visit;
  link_visit->body(link_visit->context, name, chdf5_link_kind_of(info->type));
  return 0;
}

static inline int32_t chdf5_visit_links(
    hid_t group, int32_t by_creation_order, void (*body)(void *context, const char *name, int32_t kind),
    void *context) {
  struct chdf5_link_visit visit = {body, context};
  H5_index_t index = by_creation_order ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
#if H5_VERSION_GE(1, 12, 0)
  return H5Literate2(group, index, H5_ITER_INC, NULL, chdf5_visit_link, &visit);
#else
  return H5Literate(group, index, H5_ITER_INC, NULL, chdf5_visit_link, &visit);
#endif
}

// The size in bytes of a soft or external link's value, or -1.
static inline int64_t chdf5_link_value_size(hid_t group, const char *name) {
#if H5_VERSION_GE(1, 12, 0)
  H5L_info2_t info;
  if (H5Lget_info2(group, name, &info, H5P_DEFAULT) < 0) return -1;
#else
  H5L_info_t info;
  if (H5Lget_info(group, name, &info, H5P_DEFAULT) < 0) return -1;
#endif
  return info.type == H5L_TYPE_HARD ? -1 : (int64_t)info.u.val_size;
}

// Types.

struct chdf5_float_fields {
  int32_t status;
  uint64_t sign, exponent, exponent_size, mantissa, mantissa_size, bias;
  int32_t has_implied_bit;
};

static inline struct chdf5_float_fields chdf5_float_fields_of(hid_t type) {
  size_t sign = 0, exponent = 0, exponent_size = 0, mantissa = 0, mantissa_size = 0;
  herr_t status = H5Tget_fields(type, &sign, &exponent, &exponent_size, &mantissa, &mantissa_size);
  struct chdf5_float_fields fields = {
      status, sign, exponent, exponent_size, mantissa, mantissa_size, H5Tget_ebias(type),
      H5Tget_norm(type) == H5T_NORM_IMPLIED};
  return fields;
}

// Gives back the memory of variable-length values that a read allocated.
static inline int32_t chdf5_reclaim(hid_t type, hid_t space, void *values) {
#if H5_VERSION_GE(1, 12, 0)
  return H5Treclaim(type, space, H5P_DEFAULT, values);
#else
  return H5Dvlen_reclaim(type, space, H5P_DEFAULT, values);
#endif
}

// Files.

static inline int32_t chdf5_set_versions(hid_t access, int32_t low, int32_t high) {
  return H5Pset_libver_bounds(access, (H5F_libver_t)low, (H5F_libver_t)high);
}

// Locks the file where the file system can, or never; 1.12.0 is the one version without this setting.
static inline int32_t chdf5_set_locking(hid_t access, bool is_locked) {
#if H5_VERSION_GE(1, 12, 1) || !H5_VERSION_GE(1, 12, 0)
  return H5Pset_file_locking(access, is_locked, 1);
#else
  (void)access, (void)is_locked;
  return 0;
#endif
}

#endif
