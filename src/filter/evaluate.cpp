#include <cstring>

#include "personas/filter/filter.hpp"

#include "view.hpp"

namespace personas::filter {
namespace {

using Kind = View::Kind;

bool is_null(const View& view) {
  return view.kind == Kind::kNull || view.kind == Kind::kNothing;
}

// Lists and objects equal nothing, not even themselves: comparing them whole has no bound.
bool equal(const View& left, const View& right, Budget& budget) {
  if (is_null(left) || is_null(right)) return is_null(left) && is_null(right);
  if (left.kind != right.kind) return false;
  if (left.kind == Kind::kBool) return left.truth == right.truth;
  if (left.kind == Kind::kNumber) return left.number == right.number;
  return left.kind == Kind::kString && left.text.size() == right.text.size() &&
         budget.spend_on_text(left.text.size()) && left.text == right.text;
}

// Numbers by size, texts by code points; anything else has no order.
bool ordered(Op op, const View& left, const View& right, Budget& budget) {
  if (left.kind != right.kind) return false;
  int sign = 0;
  if (left.kind == Kind::kNumber) {
    sign = left.number < right.number ? -1 : left.number > right.number ? 1 : 0;
  } else if (left.kind == Kind::kString &&
             budget.spend_on_text(std::min(left.text.size(), right.text.size()))) {
    sign = left.text.compare(right.text);
  } else {
    return false;
  }
  switch (op) {
    case Op::kLess:
      return sign < 0;
    case Op::kLessEqual:
      return sign <= 0;
    case Op::kGreater:
      return sign > 0;
    default:
      return sign >= 0;
  }
}

bool contains(const View& whole, const View& part, Budget& budget) {
  if (whole.kind == Kind::kString && part.kind == Kind::kString) {
    // memmem() takes time linear in both, whatever they hold; std::string_view::find() does not.
    return budget.spend_on_text(whole.text.size() + part.text.size()) &&
           (part.text.empty() || memmem(whole.text.data(), whole.text.size(), part.text.data(),
                                        part.text.size()) != nullptr);
  }
  if (whole.kind != Kind::kList) return false;
  for (const auto& member : whole.value->get_array()) {
    if (!budget.spend(1)) return false;
    if (equal(view_of(member), part, budget)) return true;
  }
  return false;
}

bool holds(Op op, const View& left, const View& right, Budget& budget) {
  switch (op) {
    case Op::kEqual:
    case Op::kNotEqual:
    case Op::kIn:
      return equal(left, right, budget);
    case Op::kContains:
      return contains(left, right, budget);
    case Op::kStartsWith:
    case Op::kEndsWith:
      return left.kind == Kind::kString && right.kind == Kind::kString &&
             budget.spend_on_text(right.text.size()) &&
             (op == Op::kStartsWith ? left.text.starts_with(right.text)
                                    : left.text.ends_with(right.text));
    case Op::kExists:
      return left.kind != Kind::kNothing;
    case Op::kIsTrue:
      return left.kind == Kind::kBool && left.truth;
    default:
      return ordered(op, left, right, budget);
  }
}

}  // namespace

class FilterRun {
 public:
  FilterRun(const Filter& filter, const Subject& subject) : filter_(filter), subject_(subject) {}

  Verdict run() {
    bool last = false;
    for (std::size_t at = 0; at < filter_.program_.size() && !budget_.exhausted(); ++at) {
      const auto& instruction = filter_.program_[at];
      switch (instruction.op) {
        case Op::kNot:
          last = !last;
          break;
        case Op::kSkipIfTrue:
        case Op::kSkipIfFalse:
          if (last == (instruction.op == Op::kSkipIfTrue)) at = instruction.target - 1U;
          break;
        default:
          last = test(instruction);
      }
    }
    if (budget_.exhausted()) return {.gave_up = true, .steps = budget_.spent()};
    return {.matches = last, .steps = budget_.spent()};
  }

 private:
  // Whether it holds for any value on the left with any on the right; `!=` is that none is equal.
  bool test(const Filter::Instruction& instruction) {
    bool found = false;
    each(instruction.left, [&](const View& left) {
      const auto judge = [&](const View& right) {
        found = budget_.spend(1) && holds(instruction.op, left, right, budget_);
        return found || budget_.exhausted() ? Walk::kEnough : Walk::kOn;
      };
      return instruction.right.kind == Operand::Kind::kNone ? judge(View{})
                                                            : each(instruction.right, judge);
    });
    return instruction.op == Op::kNotEqual ? !found : found;
  }

  template <class Each>
  Walk each(const Operand& operand, const Each& call) {
    if (operand.kind == Operand::Kind::kPath) {
      return walk(filter_.paths_[operand.index], subject_, budget_, call);
    }
    for (std::size_t i = 0; i < operand.count; ++i) {
      if (call(view_of(filter_.literals_[operand.index + i])) == Walk::kEnough) {
        return Walk::kEnough;
      }
    }
    return Walk::kOn;
  }

  const Filter& filter_;
  const Subject& subject_;
  Budget budget_;
};

Verdict Filter::evaluate(const Subject& subject) const {
  return FilterRun(*this, subject).run();
}

}  // namespace personas::filter
