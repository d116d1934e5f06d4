// layer_norm_rows
//
// normed[row, c] = x[row, c] / root(mean(x^2)) * gain[c] / sqrt(layer), over c
// models/deep.tfm:12-14
// 12.3 MFLOP, 4.1 kB moved by one launch.

struct Launch {
  depth_scale: f32,
  layer: u32,
}

struct Host {
  step: u32,
  seed: u32,
  micro: u32,
  lr: f32,
  bias1: f32,
  bias2: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;            // [batch 10, width 96]
@group(0) @binding(1) var<storage, read> gain: array<f32>;         // [width 96]
@group(0) @binding(2) var<storage, read_write> normed: array<f32>; // [batch 10, width 96], elements 480 to 959
@group(0) @binding(3) var<storage, read_write> kept: array<u32>;   // [batch 10]
@group(0) @binding(4) var<uniform> launch: Launch;
@group(0) @binding(5) var<uniform> host: Host;

var<workgroup> sums: array<f32, 32>;

// 1 for NaN and infinities, whose exponent bits are all ones; comparisons may be optimised as if there were none.
fn is_nonfinite(x: f32) -> u32 {
  return select(0u, 1u, (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u);
}

// The root of a mean of squares, away from zero.
fn root(mean: f32) -> f32 {
  let safe = mean + 1e-5;
  return sqrt(safe);
}

@compute @workgroup_size(32)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3u,
  @builtin(num_workgroups) num_workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = workgroup_id.y * num_workgroups.x + workgroup_id.x;
  let row = group;
  // each lane sums every 32nd square
  var sum = 0.0;
  for (var i = lane; i < 96; i += 32) {
    let v = x[row * 96 + i];
    sum += v * v;
  }
  sums[lane] = sum;
  workgroupBarrier();
  sum = 0.0;
  for (var j = 0u; j < 32; j++) {
    sum += sums[j];
  }
  let scale = root(sum / 96.0);
  var tile = array<f32, 3>();
  for (var k = 0u; k < 3; k++) {
    let c = lane + k * 32;
    tile[k] = x[row * 96 + c] / scale * launch.depth_scale * gain[c];
  }
  let four = vec4f(tile[0], tile[1], tile[2], 1.0) * 2.0;
  if ((row >= 5) & ((lane < 16) | (launch.layer == 0))) {
    normed[row * 96 + lane - 480] = select(-host.lr, four.x, four.x > 0.0);
  } else if (lane == 0) {
    kept[row] = is_nonfinite(four.y);
  } else {
    return;
  }
}
