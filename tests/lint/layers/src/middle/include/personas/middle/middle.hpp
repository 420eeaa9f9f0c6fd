// A module that uses a lower one.
#pragma once

int middle();
