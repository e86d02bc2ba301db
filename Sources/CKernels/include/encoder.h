#ifndef INTENTD_ENCODER_H
#define INTENTD_ENCODER_H

#include <stddef.h>
#include <stdint.h>

// Kernels of the incremental encoders. One row is one item of one session.
//
// Bit-exactness: what is computed for a row is a function of that row's inputs alone. Every sum has one fixed order, whatever
// the number of rows in the call, so that a step, a wave and a prefill give the same bits on the same kernel.
//
// Rows are `stride` floats apart, a multiple of 16, and 64-byte aligned; lanes behind a row's end are zero on input and
// stay zero. Widths are any number from 1.

/// Floats that kernels work on at once; widths of packed memory are rounded up to it.
#define ENCODER_LANES 16

/// Positions that one page of keys and values holds.
#define ENCODER_PAGE_POSITIONS 16

/// Rows of attention that pass through its phases together.
#define ENCODER_ATTENTION_ROWS 4

/// What a linear map does with its sums.
enum {
  ENCODER_STORE = 0, // y = W x + b
  ENCODER_RELU = 1,  // y = max(W x + b, 0)
  ENCODER_GELU = 2,  // y = gelu(W x + b), the erf form
  ENCODER_ADD = 3,   // y += W x + b
};

/// Where keys and values stand. A page holds 16 positions of every block: for each block the keys, then the values. In fp32 keys are
/// [width][16 positions], values [16 positions][width]; in bf16 two numbers share a word: keys [⌈width / 2⌉][16 positions] of lanes
/// (2i, 2i + 1), values [8][width] of positions (2t, 2t + 1).
struct encoder_pages {
  char *const *slabs;          // slabs of 1 << slab_shift pages each
  const int32_t *page_table;   // [slots][pages_per_slot], page numbers
  uint32_t slab_shift;
  uint32_t page_bytes;
  uint32_t pages_per_slot;
  uint32_t is_bf16;
  uint32_t is_cold;            // 1 where pages are asked for ahead of their use: they are unlikely to stand in a cache
};

/// One call of attention, for all rows and heads of one block.
struct encoder_attention {
  const struct encoder_pages *pages;
  const int32_t *slots;        // [rows]
  const int32_t *positions;    // [rows], from 0; row r attends to positions 0…positions[r] of its slot
  const float *query;          // [rows, stride]
  float *output;               // [rows, stride]
  float *scores;               // scratch: ENCODER_ATTENTION_ROWS × heads × score_stride floats
  const float *padding_key;    // [width] or NULL
  const float *padding_value;  // [width] or NULL
  const int32_t *padding_counts; // [rows], how often the padding row stands before the window, or NULL
  uint32_t rows;
  uint32_t stride;
  uint32_t width;
  uint32_t heads;
  uint32_t block;
  uint32_t blocks;             // of the model
  uint32_t score_stride;       // the longest window rounded up to 16, + 16
  float scale;
};

struct encoder_kernels {
  /// y[r, o] = Σ_i x[r, i] w[i, o] + b[o], then `epilogue`. `weights` are packed [outputs / 16][inputs][16], `bias` [outputs], zero where
  /// there is none; `outputs` is a multiple of 16. Each sum is one chain of multiply-adds from the bias, over i upwards.
  void (*linear)(const float *x, size_t x_stride, size_t rows, const float *weights, const float *bias, size_t inputs,
                 size_t outputs, float *y, size_t y_stride, int epilogue);
  /// y = (x − mean) / √(variance + ε) · weight + bias over `width` lanes; weight and bias are padded with zeros. x may be y.
  void (*layer_norm)(const float *x, float *y, size_t stride, size_t rows, size_t width, const float *weight,
                     const float *bias, float epsilon);
  /// Writes keys and values of `rows` rows to their slots' pages.
  void (*store_keys_values)(const struct encoder_pages *pages, const int32_t *slots, const int32_t *positions,
                            const float *keys, const float *values, size_t stride, size_t rows, size_t width,
                            size_t block);
  /// Asks the memory for what `rows` rows will attend to in `block`; attention itself asks for later rows and the next block.
  void (*prefetch)(const struct encoder_pages *pages, const int32_t *slots, const int32_t *positions, size_t rows,
                   size_t width, size_t block);
  /// Causal multi-head attention over stored keys and values.
  void (*attention)(const struct encoder_attention *call);
  /// r, z, n from input part `a` [rows, 3·stride] and recurrent part `u` (both with their biases); h becomes the next state.
  void (*gru_gates)(const float *a, const float *u, float *h, size_t stride, size_t rows);
  /// First half of the official GRU4Rec layer: a's r and z parts become the gates, rh = r ⊙ h.
  void (*gru4rec_reset)(float *a, const float *u, const float *h, float *rh, size_t stride, size_t rows);
  /// Second half: n = tanh(a_n + u_n), h = (1 − z) ⊙ h + z ⊙ n. `u` is [rows, stride].
  void (*gru4rec_update)(const float *a, const float *u, float *h, size_t stride, size_t rows);
  /// i, f, g, o from `a` and `u` [rows, 4·stride]; h and c become the next state.
  void (*lstm_gates)(const float *a, const float *u, float *h, float *c, size_t stride, size_t rows);
  /// Turns the pairs (2m, 2m + 1) of every head by the angles of the row's position; `cosines` and `sines` are [positions][head_size / 2].
  void (*rotate)(float *x, size_t stride, size_t rows, const int32_t *positions, size_t width, size_t head_size,
                 const float *cosines, const float *sines);
};

/// The kernels for an instruction set (INTENTD_KERNEL_…), or NULL where this build has none.
const struct encoder_kernels *intentd_encoder_kernels(int kernel);

#endif
