// The lowest module.
#pragma once

int low();
