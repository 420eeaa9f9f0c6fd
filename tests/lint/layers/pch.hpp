// Stands in for the precompiled header of the project.
#pragma once
