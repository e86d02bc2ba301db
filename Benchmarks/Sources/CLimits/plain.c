// What the fast paths are compared with: a window is encoded from its beginning for every click, as a stateless server does, and the
// catalogue is scanned in fp32. One loop per formula, no intrinsics.

#include "CLimits.h"

#include <math.h>
#include <string.h>

/// y = W x, `weights` [outputs][inputs].
static void linear(const float *weights, const float *x, size_t inputs, size_t outputs, float *y) {
  for (size_t o = 0; o < outputs; o++) {
    float sum = 0;
    for (size_t i = 0; i < inputs; i++) sum += weights[o * inputs + i] * x[i];
    y[o] = sum;
  }
}

static void layer_norm(const float *x, size_t width, float *y) {
  float mean = 0, squares = 0;
  for (size_t i = 0; i < width; i++) mean += x[i];
  mean /= (float)width;
  for (size_t i = 0; i < width; i++) squares += (x[i] - mean) * (x[i] - mean);
  const float inverse = 1 / sqrtf(squares / (float)width + 1e-5f);
  for (size_t i = 0; i < width; i++) y[i] = (x[i] - mean) * inverse;
}

/// One row's attention over positions 0…last; `keys` and `values` are [length][width].
static void attend(const struct plain_sasrec *model, const float *query, const float *keys, const float *values,
                   size_t last, float *scores, float *output) {
  const size_t size = model->width / model->heads;
  for (size_t head = 0; head < model->heads; head++) {
    float largest = -INFINITY, total = 0;
    for (size_t t = 0; t <= last; t++) {
      scores[t] = 0;
      for (size_t i = 0; i < size; i++) scores[t] += query[head * size + i] * keys[t * model->width + head * size + i];
      scores[t] /= sqrtf((float)size);
      if (scores[t] > largest) largest = scores[t];
    }
    for (size_t t = 0; t <= last; t++) {
      scores[t] = expf(scores[t] - largest);
      total += scores[t];
    }
    for (size_t i = 0; i < size; i++) {
      float sum = 0;
      for (size_t t = 0; t <= last; t++) sum += scores[t] * values[t * model->width + head * size + i];
      output[head * size + i] = sum / total;
    }
  }
}

size_t plain_sasrec_scratch(const struct plain_sasrec *model) {
  return 3 * model->length * model->width + model->length + 3 * model->width + model->ffn;
}

void plain_sasrec_encode(const struct plain_sasrec *model, const int32_t *items, size_t count, float *scratch,
                         float *hidden) {
  const size_t d = model->width, f = model->ffn;
  float *x = scratch, *keys = x + model->length * d, *values = keys + model->length * d;
  float *scores = values + model->length * d, *normal = scores + model->length, *query = normal + d, *attended = query + d;
  float *inner = attended + d;
  for (size_t t = 0; t < count; t++) memcpy(x + t * d, model->items + (size_t)items[t] * d, d * sizeof(float));
  for (size_t block = 0; block < model->blocks; block++) {
    const float *w = model->weights + block * (4 * d * d + 2 * d * f);
    for (size_t t = 0; t < count; t++) {
      float *row = x + t * d;
      layer_norm(row, d, normal);
      linear(w, normal, d, d, query);
      linear(w + d * d, normal, d, d, keys + t * d);
      linear(w + 2 * d * d, normal, d, d, values + t * d);
      attend(model, query, keys, values, t, scores, attended);
      linear(w + 3 * d * d, attended, d, d, query);
      for (size_t i = 0; i < d; i++) row[i] += query[i];
      layer_norm(row, d, normal);
      linear(w + 4 * d * d, normal, d, f, inner);
      for (size_t i = 0; i < f; i++) inner[i] = inner[i] > 0 ? inner[i] : 0;
      linear(w + 4 * d * d + d * f, inner, f, d, query);
      for (size_t i = 0; i < d; i++) row[i] += query[i];
    }
  }
  layer_norm(x + (count - 1) * d, d, hidden);
}

static float sigmoid(float x) { return 1 / (1 + expf(-x)); }

void plain_gru_encode(const float *table, const float *weights, size_t units, const int32_t *items, size_t count,
                      float *hidden) {
  float recurrent[3 * units];
  memset(hidden, 0, units * sizeof(float));
  for (size_t t = 0; t < count; t++) {
    const float *input = table + (size_t)items[t] * 3 * units;
    linear(weights, hidden, units, 3 * units, recurrent);
    for (size_t i = 0; i < units; i++) {
      const float reset = sigmoid(input[i] + recurrent[i]);
      const float update = sigmoid(input[units + i] + recurrent[units + i]);
      const float fresh = tanhf(input[2 * units + i] + reset * recurrent[2 * units + i]);
      hidden[i] = (1 - update) * fresh + update * hidden[i];
    }
  }
}

void plain_top_k(const float *rows, size_t count, size_t width, const float *query, size_t k, int32_t *best,
                 float *scores) {
  size_t kept = 0;
  for (size_t row = 0; row < count; row++) {
    float score = 0;
    for (size_t i = 0; i < width; i++) score += rows[row * width + i] * query[i];
    if (kept == k && score <= scores[k - 1]) continue;
    size_t place = kept < k ? kept++ : k - 1;
    for (; place > 0 && scores[place - 1] < score; place--) {
      scores[place] = scores[place - 1];
      best[place] = best[place - 1];
    }
    scores[place] = score;
    best[place] = (int32_t)row;
  }
}
