// One visitor out of several lambdas, for std::visit. Any thread.
#pragma once

namespace docket {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace docket
