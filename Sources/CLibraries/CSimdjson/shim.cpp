// Errors come back as codes: nothing here throws but std::vector, and that is caught.
#define SIMDJSON_EXCEPTIONS 0
#include "CSimdjson.h"

#include <simdjson.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace {

// The DOM is parsed whole, so that a record is valid JSON in valid UTF-8 to its last byte before any of it is believed.
namespace dom = simdjson::dom;

constexpr int most_fields = 48;
constexpr size_t first_capacity = 4096;

// A node of the tree of configured paths.
struct node {
  struct key_child {
    std::string key;
    int node;
  };
  struct index_child {
    size_t index;
    int node;
  };
  struct entry_child {
    std::string key;
    std::string text;
    int node;
  };
  std::vector<key_child> keys;
  std::vector<entry_child> entries;
  std::vector<index_child> indexes;
  int field = -1;
  uint64_t seen = 0;  // number of the last record that it appeared in
};

}  // namespace

struct json_fields {
  dom::parser parser;
  uint8_t *buffer = nullptr;
  size_t capacity = 0;
  size_t longest;
  size_t depth;
  uint64_t record = 0;
  int count = 0;
  std::array<json_value, most_fields> values{};
  std::vector<node> nodes;

  json_fields(size_t longest, size_t depth) : parser(longest), longest(longest), depth(depth) { nodes.resize(1); }
  ~json_fields() { std::free(buffer); }
  json_fields(const json_fields &) = delete;
  json_fields &operator=(const json_fields &) = delete;

  bool reserve(size_t length) noexcept {
    if (length <= capacity) return true;
    size_t wanted = capacity ? capacity : first_capacity;
    while (wanted < length) wanted *= 2;
    if (wanted > longest) wanted = longest;
    auto *larger = static_cast<uint8_t *>(std::realloc(buffer, wanted + simdjson::SIMDJSON_PADDING));
    if (!larger) return false;
    buffer = larger;
    std::memset(buffer, 0, wanted + simdjson::SIMDJSON_PADDING);
    if (parser.allocate(wanted, depth) || parser.doc.allocate(wanted)) return false;
    capacity = wanted;
    return true;
  }

  void store(int field, dom::element element) noexcept {
    json_value &value = values[field];
    switch (element.type()) {
      case dom::element_type::STRING: {
        std::string_view text;
        if (element.get(text)) return;
        value.kind = JSON_STRING;
        value.bytes = reinterpret_cast<const uint8_t *>(text.data());
        value.length = static_cast<uint32_t>(text.size());
        return;
      }
      case dom::element_type::INT64:
        value.kind = JSON_INTEGER;
        (void)element.get(value.integer);
        return;
      case dom::element_type::UINT64: {
        uint64_t bits = 0;
        (void)element.get(bits);
        value.kind = JSON_UNSIGNED;
        value.integer = static_cast<int64_t>(bits);
        return;
      }
      case dom::element_type::DOUBLE:
        value.kind = JSON_REAL;
        (void)element.get(value.real);
        return;
      case dom::element_type::NULL_VALUE:
        value.kind = JSON_NULL;
        return;
      default:
        value.kind = JSON_OTHER;
        return;
    }
  }

  // Follows the configured paths below `at`, no deeper than they are; false for a key that stands there twice.
  bool walk(int at, dom::element element) noexcept {
    node &here = nodes[at];
    if (here.seen == record) return false;
    here.seen = record;
    if (here.field >= 0) store(here.field, element);
    if (!here.keys.empty()) {
      dom::object object;
      if (!element.get(object)) {
        for (auto member : object) {
          for (const auto &child : here.keys) {
            if (member.key == child.key && !walk(child.node, member.value)) return false;
          }
        }
      }
    }
    if (!here.indexes.empty()) {
      dom::array array;
      if (!element.get(array)) {
        size_t index = 0;
        for (auto item : array) {
          for (const auto &child : here.indexes) {
            if (child.index == index && !walk(child.node, item)) return false;
          }
          index++;
        }
      }
    }
    return here.entries.empty() || walk_entries(at, element);
  }

  // Follows the paths through entries of an array that are told by a text; false for two that have the same.
  bool walk_entries(int at, dom::element element) noexcept {
    dom::array array;
    if (element.get(array)) return true;
    for (auto item : array) {
      dom::object object;
      if (item.get(object)) continue;
      for (const auto &child : nodes[at].entries) {
        std::string_view text;
        if (object.at_key(child.key).get(text)) continue;
        if (text == child.text && !walk(child.node, item)) return false;
      }
    }
    return true;
  }

  int child(int at, const json_step &step) {
    if (step.text) {
      std::string key(reinterpret_cast<const char *>(step.key), step.length);
      std::string text(reinterpret_cast<const char *>(step.text), step.text_length);
      for (const auto &child : nodes[at].entries) {
        if (child.key == key && child.text == text) return child.node;
      }
      nodes[at].entries.push_back({key, text, static_cast<int>(nodes.size())});
    } else if (step.key) {
      std::string key(reinterpret_cast<const char *>(step.key), step.length);
      for (const auto &child : nodes[at].keys) {
        if (child.key == key) return child.node;
      }
      nodes[at].keys.push_back({key, static_cast<int>(nodes.size())});
    } else {
      for (const auto &child : nodes[at].indexes) {
        if (child.index == step.index) return child.node;
      }
      nodes[at].indexes.push_back({step.index, static_cast<int>(nodes.size())});
    }
    nodes.emplace_back();
    return static_cast<int>(nodes.size()) - 1;
  }
};

namespace {

json_status status_of(simdjson::error_code error) noexcept {
  switch (error) {
    case simdjson::SUCCESS: return JSON_OK;
    case simdjson::UTF8_ERROR: return JSON_INVALID_UTF8;
    case simdjson::CAPACITY: return JSON_TOO_LONG;
    case simdjson::MEMALLOC: return JSON_NO_MEMORY;
    default: return JSON_MALFORMED;
  }
}

}  // namespace

extern "C" json_fields *json_fields_new(size_t longest, size_t depth) {
  try {
    auto *fields = new json_fields(longest, depth);
    if (fields->reserve(first_capacity < longest ? first_capacity : longest)) return fields;
    delete fields;
    return nullptr;
  } catch (...) {
    return nullptr;
  }
}

extern "C" void json_fields_free(json_fields *fields) { delete fields; }

extern "C" int json_fields_add(json_fields *fields, const json_step *steps, size_t count) {
  try {
    int at = 0;
    for (size_t step = 0; step < count; step++) at = fields->child(at, steps[step]);
    node &end = fields->nodes[at];
    if (end.field < 0) {
      if (fields->count == most_fields) return -1;
      end.field = fields->count++;
    }
    return end.field;
  } catch (...) {
    return -1;
  }
}

extern "C" json_status json_fields_read(json_fields *fields, const uint8_t *record, size_t length) {
  fields->record++;
  for (int field = 0; field < fields->count; field++) fields->values[field] = json_value{};
  if (length > fields->longest) return JSON_TOO_LONG;
  if (!fields->reserve(length)) return JSON_NO_MEMORY;
  if (length) std::memcpy(fields->buffer, record, length);
  // simdjson reads, and does not believe, the padding: spaces keep it from seeing an earlier record's end.
  std::memset(fields->buffer + length, ' ', simdjson::SIMDJSON_PADDING);
  dom::element root;
  if (auto error = fields->parser.parse(fields->buffer, length, false).get(root)) return status_of(error);
  const node &top = fields->nodes[0];
  if (!(root.is_object() && !top.keys.empty()) && !(root.is_array() && !(top.indexes.empty() && top.entries.empty()))) return JSON_WRONG_ROOT;
  return fields->walk(0, root) ? JSON_OK : JSON_DUPLICATE_KEY;
}

extern "C" json_value json_fields_value(const json_fields *fields, int number) { return fields->values[number]; }

extern "C" size_t json_write_float(float value, uint8_t *output) {
  auto *text = reinterpret_cast<char *>(output);
  auto result = std::to_chars(text, text + 24, value);
  return static_cast<size_t>(result.ptr - text);
}
