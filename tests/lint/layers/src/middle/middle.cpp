#include "personas/middle/middle.hpp"

#include "personas/low/low.hpp"

int middle() { return low() + 1; }
