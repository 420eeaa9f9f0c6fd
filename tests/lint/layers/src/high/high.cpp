#include "personas/low/low.hpp"
#include "personas/middle/middle.hpp"

int high() { return low() + middle(); }
