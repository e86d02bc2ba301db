#ifndef INTENTD_CSIMDJSON_H
#define INTENTD_CSIMDJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A parser for one record at a time that picks out configured fields. Belongs to one thread. No C++ exception leaves it.
typedef struct json_fields json_fields;

/// What a field holds.
enum json_kind {
  JSON_ABSENT,
  JSON_NULL,
  JSON_STRING,   // `bytes`, `length`: UTF-8, escapes resolved
  JSON_INTEGER,  // `integer`
  JSON_UNSIGNED, // above INT64_MAX; `integer` has its bits
  JSON_REAL,     // `real`, finite
  JSON_OTHER,    // boolean, object or array
};

/// What became of a record.
enum json_status {
  JSON_OK,
  JSON_MALFORMED,
  JSON_INVALID_UTF8,
  JSON_TOO_LONG,
  JSON_DUPLICATE_KEY, // on the way to a configured field
  JSON_WRONG_ROOT,    // neither object nor array, or not the one that the paths ask for
  JSON_NO_MEMORY,
};

/// A field's value; `bytes` are valid until the next record is read.
struct json_value {
  enum json_kind kind;
  uint32_t length;
  const uint8_t *bytes;
  int64_t integer;
  double real;
};

/// One step of a path: a key of an object (`key`, `length`); with `text` too, the entry of an array that has this text under
/// the key; where `key` is NULL, an index of an array.
struct json_step {
  const uint8_t *key;
  size_t length;
  const uint8_t *text;
  size_t text_length;
  size_t index;
};

/// A parser for records of at most `longest` bytes, nested at most `depth` deep; NULL without memory.
json_fields *json_fields_new(size_t longest, size_t depth);

void json_fields_free(json_fields *fields);

/// Adds the field at the end of `steps` (at least one) and returns its number, the old one for a path that was added
/// before; -1 without memory or with more than 48 fields.
int json_fields_add(json_fields *fields, const struct json_step *steps, size_t count);

/// Reads a record: afterwards json_fields_value() tells what the fields hold. Allocates only for a record longer than any
/// before.
enum json_status json_fields_read(json_fields *fields, const uint8_t *record, size_t length);

/// The value of field `number` in the last record that was read.
struct json_value json_fields_value(const json_fields *fields, int number);

/// Writes the shortest decimal text that reads back as `value`, which is finite, to `output` (at least 24 bytes);
/// returns its length.
size_t json_write_float(float value, uint8_t *output);

#ifdef __cplusplus
}
#endif

#endif
