// The statements of described rows, by the name the repositories know them under.
#pragma once

#include "personas/store/row_sql.hpp"
